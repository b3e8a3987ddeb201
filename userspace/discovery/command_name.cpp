// SPDX-License-Identifier: Apache-2.0
#include "discovery/command_name.h"

#include <algorithm>
#include <array>
#include <optional>

namespace hostlens::discovery {
namespace {

using Arguments = std::span<const std::string>;

enum class Language { kNone, kPython, kNode, kJava, kScript, kDotnet, kMultiCall };

struct Interpreter {
  std::string_view stem;  ///< version digits and dots may follow
  Language language;
  std::string_view runtime;             ///< process.runtime.name
  std::string_view options_with_value;  ///< blank separated; their value is not the script
  std::string_view inline_code;         ///< options after which there is no script
};

constexpr std::array kInterpreters{
    Interpreter{"python", Language::kPython, "cpython", " -W -X --check-hash-based-pycs ", " -c "},
    Interpreter{"pypy", Language::kPython, "pypy", " -W -X ", " -c "},
    Interpreter{"node", Language::kNode, "nodejs",
                " -r --require --import --loader --experimental-loader -C --conditions --env-file "
                "--title --stack-trace-limit ",
                " -e --eval -p --print "},
    Interpreter{"nodejs", Language::kNode, "nodejs", " -r --require --import ", " -e -p "},
    Interpreter{"bun", Language::kNode, "bun", " -r --preload ", " -e "},
    Interpreter{"deno", Language::kNode, "deno", " --config --import-map ", " eval "},
    Interpreter{"java", Language::kJava, "",
                " -cp -classpath --class-path -p --module-path --add-modules --add-opens "
                "--add-exports --add-reads --limit-modules --upgrade-module-path ",
                ""},
    Interpreter{"ruby", Language::kScript, "ruby", " -I -r -C -E ", " -e "},
    Interpreter{"perl", Language::kScript, "perl", " -I -M ", " -e -E "},
    Interpreter{"php", Language::kScript, "php", " -c -d -z ", " -r -S -B -R "},
    Interpreter{"lua", Language::kScript, "lua", " -l ", " -e "},
    Interpreter{"luajit", Language::kScript, "luajit", " -l ", " -e "},
    Interpreter{"sh", Language::kScript, "", " -o ", " -c "},
    Interpreter{"bash", Language::kScript, "", " -o -O --rcfile --init-file ", " -c "},
    Interpreter{"dash", Language::kScript, "", " -o ", " -c "},
    Interpreter{"dotnet", Language::kDotnet, ".NET", " --depsfile --runtimeconfig ", ""},
    Interpreter{"busybox", Language::kMultiCall, "", "", ""},
    Interpreter{"toybox", Language::kMultiCall, "", "", ""},
};

constexpr std::array<std::string_view, 5> kPythonServers{"gunicorn", "uvicorn", "hypercorn",
                                                         "daphne", "granian"};

bool listed(std::string_view list, std::string_view word) {
  if (word.empty() || word.find(' ') != std::string_view::npos) return false;
  return list.find(" " + std::string(word) + " ") != std::string_view::npos;
}

const Interpreter* interpreter_of(std::string_view name) {
  const size_t stem = std::min(name.find_last_not_of("0123456789.") + 1, name.size());
  for (const Interpreter& interpreter : kInterpreters) {
    if (name.substr(0, stem) == interpreter.stem) return &interpreter;
  }
  return nullptr;
}

std::string_view without_extension(std::string_view name) {
  constexpr std::array<std::string_view, 13> kExtensions{".py", ".pyc", ".js", ".mjs", ".cjs",
                                                         ".ts", ".rb",  ".pl", ".php", ".lua",
                                                         ".sh", ".jar", ".dll"};
  for (const std::string_view extension : kExtensions) {
    if (name.size() > extension.size() && name.ends_with(extension)) {
      return name.substr(0, name.size() - extension.size());
    }
  }
  return name;
}

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

/// The script's name; a script named like every other ("index.js") is called by its directory.
std::string script_name(std::string_view path) {
  constexpr std::string_view kEveryones = " index main __main__ ";
  constexpr std::string_view kBuildFolders = " dist build src lib bin out . .. ";
  const std::string_view name = without_extension(base_name(path));
  if (!listed(kEveryones, name)) return std::string(name);
  std::string_view folder = parent_of(path);
  while (listed(kBuildFolders, base_name(folder))) folder = parent_of(folder);
  const std::string_view folder_name = base_name(folder);
  return std::string(folder_name.empty() ? name : folder_name);
}

/// "shop.wsgi:app" or "shop:create_app()": a dotted module, a colon, an attribute. "host:8080" is
/// none.
std::optional<std::string_view> application_module(std::string_view argument) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const size_t colon = argument.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 >= argument.size()) {
    return std::nullopt;
  }
  const std::string_view module = argument.substr(0, colon);
  const bool plain = std::all_of(module.begin(), module.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.';
  });
  if (!plain || !is_letter(module[0]) || !is_letter(argument[colon + 1])) return std::nullopt;
  return module.substr(0, module.find('.'));
}

/// "gunicorn: master [shop.wsgi:app]", "puma 6.0.0 (tcp://0.0.0.0:3000) [shop]".
std::optional<std::string> bracketed_title(std::string_view title) {
  const size_t open = title.rfind('[');
  const size_t close = title.rfind(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
    return std::nullopt;
  }
  const std::string_view inner = title.substr(open + 1, close - open - 1);
  return std::string(application_module(inner).value_or(inner));
}

std::string python_server_name(std::string_view server, Arguments arguments) {
  for (const std::string& argument : arguments) {
    if (const auto module = application_module(argument)) return std::string(*module);
  }
  return std::string(server);
}

bool is_python_server(std::string_view name) {
  return std::find(kPythonServers.begin(), kPythonServers.end(), name) != kPythonServers.end();
}

/// Index of the first argument that is neither an option nor an option's value; nullopt for inline
/// code.
std::optional<size_t> first_operand(const Interpreter& interpreter, Arguments arguments) {
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (listed(interpreter.inline_code, argument)) return std::nullopt;
    if (argument == "--") return i + 1 < arguments.size() ? std::optional(i + 1) : std::nullopt;
    if (listed(interpreter.options_with_value, argument)) {
      ++i;
    } else if (argument.empty() || (argument[0] != '-' && argument[0] != '@')) {
      return argument.empty() ? std::nullopt : std::optional(i);
    }
  }
  return std::nullopt;
}

std::optional<std::string> python_name(const Interpreter& interpreter, Arguments arguments) {
  for (size_t i = 1; i + 1 < arguments.size() && arguments[i].starts_with('-'); ++i) {
    if (listed(interpreter.inline_code, arguments[i])) return std::nullopt;
    if (listed(interpreter.options_with_value, arguments[i])) {
      ++i;
      continue;
    }
    if (arguments[i] != "-m") continue;
    const std::string& module = arguments[i + 1];
    if (is_python_server(module)) return python_server_name(module, arguments.subspan(i + 2));
    return module;
  }
  const auto script = first_operand(interpreter, arguments);
  if (!script) return std::nullopt;
  const std::string name = script_name(arguments[*script]);
  if (is_python_server(name)) return python_server_name(name, arguments.subspan(*script + 1));
  return name;
}

/// "shop-service-1.2.3-SNAPSHOT" -> "shop-service".
std::string_view without_version(std::string_view name) {
  for (size_t i = 1; i + 1 < name.size(); ++i) {
    if (name[i] == '-' && name[i + 1] >= '0' && name[i + 1] <= '9') return name.substr(0, i);
  }
  return name;
}

std::optional<std::string> java_name(const Interpreter& interpreter, Arguments arguments) {
  for (const std::string_view property :
       {std::string_view("-Dotel.service.name="), std::string_view("-Dspring.application.name=")}) {
    for (const std::string& argument : arguments) {
      if (argument.starts_with(property) && argument.size() > property.size()) {
        return argument.substr(property.size());
      }
    }
  }
  for (size_t i = 1; i + 1 < arguments.size(); ++i) {
    if (listed(interpreter.options_with_value, arguments[i])) {
      ++i;
    } else if (arguments[i] == "-jar") {
      return std::string(without_version(without_extension(base_name(arguments[i + 1]))));
    } else if (arguments[i] == "-m" || arguments[i] == "--module") {
      return std::string(std::string_view(arguments[i + 1]).substr(0, arguments[i + 1].find('/')));
    } else if (!arguments[i].starts_with('-') && !arguments[i].starts_with('@')) {
      break;
    }
  }
  const auto main_class = first_operand(interpreter, arguments);
  if (!main_class) return std::nullopt;
  const std::string& name = arguments[*main_class];
  return name.substr(name.find_last_of("./") + 1);  // npos + 1 == 0: the whole
}

std::optional<std::string> node_name(const Interpreter& interpreter, Arguments arguments) {
  auto script = first_operand(interpreter, arguments);
  if (script && interpreter.stem != "node" &&
      arguments[*script] == "run") {  // bun run X, deno run X
    const auto next = first_operand(interpreter, arguments.subspan(*script));
    if (next) *script += *next;
  }
  if (!script) return std::nullopt;
  return script_name(arguments[*script]);
}

std::optional<std::string> interpreted_name(const Interpreter& interpreter, Arguments arguments) {
  switch (interpreter.language) {
    case Language::kPython:
      return python_name(interpreter, arguments);
    case Language::kNode:
      return node_name(interpreter, arguments);
    case Language::kJava:
      return java_name(interpreter, arguments);
    case Language::kScript:
    case Language::kDotnet: {
      const auto script = first_operand(interpreter, arguments);
      return script ? std::optional(script_name(arguments[*script])) : std::nullopt;
    }
    case Language::kMultiCall:
      return std::string(base_name(arguments[0]));
    case Language::kNone:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string_view base_name(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 == 0: the whole
}

std::string command_name(std::string_view executable, std::span<const std::string> arguments) {
  std::string_view name = base_name(executable);
  if (name.empty() && !arguments.empty()) {
    name = base_name(arguments[0]);
    if (name.starts_with('-')) name.remove_prefix(1);  // a login shell
  }
  if (arguments.empty()) return std::string(name);
  const std::string_view title = arguments[0];
  if (arguments.size() == 1 && (title.starts_with("gunicorn: ") || title.starts_with("puma"))) {
    if (auto application = bracketed_title(title)) return *application;
  }
  if (is_python_server(name)) return python_server_name(name, arguments.subspan(1));
  const Interpreter* interpreter = interpreter_of(name);
  if (interpreter == nullptr) return std::string(name);
  auto found = interpreted_name(*interpreter, arguments);
  return found && !found->empty() ? *found : std::string(name);
}

std::string_view runtime_name(std::string_view executable) {
  const Interpreter* interpreter = interpreter_of(base_name(executable));
  return interpreter == nullptr ? std::string_view{} : interpreter->runtime;
}

}  // namespace hostlens::discovery
