// SPDX-License-Identifier: Apache-2.0
// Profiles of a made-up host: a native server with kernel frames and inlining, a Python service, a
// Go program, frames without names, a truncated stack, and names that try to break out of every
// format.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "model/profile.h"

namespace hostlens::exporters::profile::scene {

using model::Frame;
using model::Profile;
using model::ProfileKind;
using model::Sample;

inline std::shared_ptr<const model::Module> module(std::string path, std::string build_id = "",
                                                   uint64_t start = 0x1000,
                                                   uint64_t limit = 0x9000) {
  auto object = std::make_shared<model::Module>();
  object->path = std::move(path);
  object->build_id = std::move(build_id);
  object->start = start;
  object->limit = limit;
  object->offset = start;
  return object;
}

inline Frame frame(Frame::Kind kind, std::string name, std::string file = "", uint32_t line = 0,
                   uint64_t address = 0x1234) {
  Frame result;
  result.kind = kind;
  result.line = line;
  result.address = address;
  if (!name.empty()) {
    auto function = std::make_shared<model::Function>();
    function->name = std::move(name);
    function->file = std::move(file);
    result.function = std::move(function);
  }
  return result;
}

inline Frame in(std::shared_ptr<const model::Module> where, Frame result) {
  result.module = std::move(where);
  return result;
}

inline Frame inlined(Frame result) {
  result.inlined = true;
  return result;
}

/// `frames`: leaf first.
inline Sample sample(std::string process, uint32_t pid, std::string thread, uint64_t weight,
                     std::initializer_list<Frame> frames) {
  Sample result;
  result.process = {pid, pid * 100};
  result.process_name = std::move(process);
  result.thread_name = std::move(thread);
  result.weight = weight;
  result.stack = model::Stack::of(frames);
  return result;
}

inline Profile cpu_profile() {
  using Kind = Frame::Kind;
  const auto nginx = module("/usr/sbin/nginx", "aa11", 0x1000, 0x9000);
  const auto libc = module("/usr/lib/x86_64-linux-gnu/libc.so.6", "bb22", 0x26000, 0x17b000);
  const Frame start = in(nginx, frame(Kind::kNative, "_start", "", 0, 0x1000));
  const Frame loop = in(
      nginx, frame(Kind::kNative, "ngx_worker_process_cycle", "ngx_process_cycle.c", 721, 0x2000));
  Profile profile(
      {.hz = 19, .start_unix_ns = 1'700'000'000'000'000'000, .duration_ns = 30'000'000'000});

  Sample request = sample(
      "nginx", 10, "nginx", 57,
      {inlined(in(nginx, frame(Kind::kNative, "ngx_strlow", "ngx_string.c", 80, 0x3000))),
       in(nginx,
          frame(Kind::kNative, "ngx_http_parse_header_line", "ngx_http_parse.c", 900, 0x3000)),
       loop, start});
  request.service = "web";
  request.container = "0123abcd";
  request.route = "GET /users/{id}";
  profile.add(request);

  Sample kernel = sample("nginx", 10, "nginx", 19,
                         {frame(Kind::kKernel, "tcp_sendmsg", "", 0, 0xffffffff81000010),
                          frame(Kind::kKernel, "__x64_sys_writev", "", 0, 0xffffffff81000020),
                          in(libc, frame(Kind::kNative, "writev", "", 0, 0x27000)), loop, start});
  kernel.service = "web";
  profile.add(kernel);

  profile.add(sample("python3.11", 20, "gunicorn", 38,
                     {frame(Kind::kPython, "Handler.do_GET", "/srv/app/views.py", 12, 0),
                      frame(Kind::kPython, "<module>", "/srv/app/main.py", 3, 0),
                      in(libc, frame(Kind::kNative, "__libc_start_main", "", 0, 0x26100))}));
  profile.add(
      sample("api", 30, "api", 10,
             {frame(Kind::kGo, "main.(*Server).handle", "/src/main.go", 44, 0x4000),
              frame(Kind::kGo, "runtime.goexit", "/go/src/runtime/asm_amd64.s", 1700, 0x4100)}));
  profile.add(
      sample("java", 40, "C2 CompilerThre", 4,
             {frame(Kind::kJava, "Interpreter::run(Ljava/lang/String;)V", "", 0, 0x7f0000)}));
  Sample cut =
      sample("stripped", 50, "stripped", 2,
             {in(module("/opt/bin/stripped", "cc33"), frame(Kind::kNative, "", "", 0, 0x1abc)),
              frame(Kind::kUnknown, "", "", 0, 0x7f1234)});
  cut.truncated = true;
  profile.add(cut);
  return profile;
}

inline Profile off_cpu_profile() {
  using Kind = Frame::Kind;
  const auto postgres = module("/usr/lib/postgresql/15/bin/postgres", "dd44");
  const Frame main = in(postgres, frame(Kind::kNative, "main", "", 0, 0x1100));
  Profile profile({.kind = ProfileKind::kOffCpu,
                   .start_unix_ns = 1'700'000'000'000'000'000,
                   .duration_ns = 30'000'000'000});
  const auto add = [&](const char* cause, uint64_t ns, const char* leaf) {
    Sample waiting = sample("postgres", 60, "postgres", ns,
                            {in(postgres, frame(Kind::kNative, leaf, "", 0, 0x2222)), main});
    waiting.cause = cause;
    profile.add(waiting);
  };
  add("disk", 2'000'000'400, "XLogWrite");
  add("lock", 500'000'400, "LWLockAcquire");
  add("runqueue", 10'000'400, "ExecScan");
  add("other", 999, "WaitLatch");
  Sample below = sample("postgres", 60, "postgres", 77'000'801, {});
  below.cause = "short";
  profile.add(below);
  return profile;
}

/// Sleeps, and who ended them: as WakerFrames makes them.
inline Profile waker_profile() {
  using Kind = Frame::Kind;
  const auto postgres = module("/usr/lib/postgresql/15/bin/postgres", "dd44");
  const Frame main = in(postgres, frame(Kind::kNative, "main", "", 0, 0x1100));
  const Frame acquire = in(postgres, frame(Kind::kNative, "LWLockAcquire", "", 0, 0x2222));
  const Frame release = in(postgres, frame(Kind::kNative, "LWLockRelease", "", 0, 0x3333));
  const Frame wakes = frame(Kind::kKernel, "try_to_wake_up", "", 0, 0xffffffff81000030);
  Profile profile({.kind = ProfileKind::kOffCpu});
  const auto add = [&](const char* cause, const char* waker, uint64_t ns,
                       std::initializer_list<Frame> frames) {
    Sample one = sample("postgres", 60, "postgres", ns, frames);
    one.cause = cause;
    one.waker = waker;
    profile.add(one);
  };
  add("lock", "walwriter", 6'000'000,
      {model::mark_frame("walwriter"), main, release, wakes, model::mark_frame("--"),
       model::mark_frame("[lock]"), acquire, main});
  add("timer", "[interrupt]", 3'000'000,
      {model::mark_frame("[interrupt]"), model::mark_frame("--"), model::mark_frame("[timer]"),
       acquire, main});
  add("lock", "", 1'000'000, {acquire, main});
  return profile;
}

/// Names that end scripts, elements, comments and strings of every format.
inline const std::initializer_list<const char*> kHostileNames{
    "</script><script>document.title='broken'</script>",
    "<img src=x onerror=\"document.title='broken'\">",
    "a;b;c",
    "line\nbreak\tand\x01\x7f control",
    "]]></script><script>document.title='broken'</script>",
    "<!--<script>",
    "quote\" 'and' &amp; \\u003c {{script}} {{profile}}",
    "\xff\xfe broken \xc3 utf8 \xef\xbf\xbe \xed\xa0\x80",
    "\xe2\x80\xa8 separator \xe2\x80\xae override \xc2\x9b csi",
    "operator()(int) const 42",
    "trailing ",
    "weight 12",
    "std::map<int, std::vector<foo>>::operator[](int const&)",
};

inline Profile hostile_profile() {
  Profile profile({.hz = 99});
  uint32_t weight = 1;
  for (const char* const name : kHostileNames) {
    Sample one =
        sample(name, 70, name, weight++,
               {in(module(name, name), frame(Frame::Kind::kNative, name, name, 1)),
                frame(Frame::Kind::kKernel, name), frame(Frame::Kind::kPython, name, name)});
    one.service = one.container = one.route = name;
    profile.add(one);
  }
  return profile;
}

}  // namespace hostlens::exporters::profile::scene
