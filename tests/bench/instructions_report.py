#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Table and JSON from the figures of instructions.sh: FOLDER/KERNEL/MODE-REPEAT/figures."""

import json
import pathlib
import sys

CALLS = ("getppid", "pipe_round", "switch_round", "unix_round", "tcp_round")
MODES = ("none", "bpf", "agent")


def figures(folder):
    lines = (folder / "figures").read_text().split("\n")
    return {name: float(value) for name, value in (line.split() for line in lines if line)}


def repeats(kernel, mode):
    return [figures(folder) for folder in sorted(kernel.glob(f"{mode}-*")) if (folder / "figures").exists()]


def per_request(one):
    return one["run"] / one["requests"]


def spread(values):
    return (max(values) - min(values)) / min(values)


def of_kernel(kernel):
    runs = {mode: repeats(kernel, mode) for mode in (*MODES, "stats")}
    runs = {mode: found for mode, found in runs.items() if found}
    first = {mode: found[0] for mode, found in runs.items()}
    out = {"instructions_per_request": {m: per_request(first[m]) for m in MODES if m in first}}
    out["ratio"] = {m: per_request(first[m]) / per_request(first["none"])
                    for m in ("bpf", "agent") if m in first and "none" in first}
    out["spread"] = {m: spread([per_request(one) for one in runs[m]]) for m in MODES if len(runs.get(m, ())) > 1}
    out["idle_ticks"] = {m: one["idle_ticks"] for m, one in first.items()}
    if "agent" in first:
        agent = first["agent"]
        out["agent_userspace_per_request"] = agent["agent"] / agent["requests"]
        out["agent_afterwards_per_request"] = agent["agent_afterwards"] / agent["requests"]
        out["requests"], out["counted"] = agent["requests"], agent["counted"]
    if "stats" in first:
        out["bpf_runs_per_request"] = first["stats"]["bpf_runs"] / first["stats"]["requests"]
        out["bpf_stats_per_request"] = first["stats"]["bpf"] / first["stats"]["requests"]
    out["calls"] = {name: {m: first[m][name] for m in MODES if m in first}
                    for call in CALLS for name in (call, f"observed_{call}")}
    return out


def row(name, values):
    cells = "".join(f"{value:>12,.0f}" if isinstance(value, float) and value >= 10 else f"{value:>12}"
                    for value in values)
    print(f"  {name:<34}{cells}")


def show(name, out):
    modes = [mode for mode in MODES if mode in out["instructions_per_request"]]
    print(f"Linux {name}: instructions")
    row("", modes)
    row("per request", [out["instructions_per_request"][m] for m in modes])
    row("  ratio", [f"{out['ratio'][m]:.4f}" if m in out["ratio"] else "1" if m == "none" else "-" for m in modes])
    row("  spread of repeats", [f"{out['spread'][m]:.1e}" if m in out["spread"] else "-" for m in modes])
    for call, by_mode in out["calls"].items():
        row(call.replace("_", " "), [by_mode[m] for m in modes])
    if "agent_userspace_per_request" in out and "none" in modes:
        none = out["instructions_per_request"]["none"]
        agent = out["instructions_per_request"]["agent"]
        userspace = out["agent_userspace_per_request"]
        print("  one request with the agent:")
        print(f"    application and kernel  {none:>10,.0f}")
        if "bpf" in out["instructions_per_request"]:
            bpf = out["instructions_per_request"]["bpf"] - none
            print(f"    BPF                     {bpf:>10,.0f}")
            print(f"    the rest (switches)     {agent - none - bpf - userspace:>10,.0f}")
        print(f"    agent's processes       {userspace:>10,.0f}  (and {out['agent_afterwards_per_request']:,.0f} after the load)")
        print(f"    requests in /metrics    {out['counted']:>10,.0f}  of {out['requests']:,.0f}")
    if "bpf_runs_per_request" in out:
        print(f"    by bpf_stats            {out['bpf_stats_per_request']:>10,.0f}  in"
              f" {out['bpf_runs_per_request']:.2f} program runs (its own cost included)")


def main():
    folder, path = pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    report = {kernel.name: of_kernel(kernel) for kernel in sorted(folder.iterdir()) if kernel.is_dir()}
    for name, out in report.items():
        show(name, out)
    if path:
        pathlib.Path(path).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
