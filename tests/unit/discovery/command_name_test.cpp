// SPDX-License-Identifier: Apache-2.0
#include "discovery/command_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hostlens::discovery {
namespace {

struct Case {
  std::string executable;
  std::vector<std::string> arguments;
  std::string name;
};

TEST(CommandNameTest, SaysWhatPeopleCallTheProgram) {
  const std::vector<Case> cases{
      {"/usr/sbin/nginx", {"nginx: worker process"}, "nginx"},
      {"/usr/sbin/nginx (deleted)", {"nginx: master process nginx"}, "nginx"},
      {"", {"/opt/shop/bin/shopd", "-f"}, "shopd"},
      {"", {"-bash"}, "bash"},
      {"", {}, ""},
      {"/usr/bin/python3.11", {"python3", "-m", "http.server", "8000"}, "http.server"},
      {"/usr/bin/python3.11", {"python3", "-u", "-W", "ignore", "-m", "shop.api"}, "shop.api"},
      {"/usr/bin/python3.11", {"python3", "-u", "/srv/shop/api.py", "-m", "x"}, "api"},
      {"/usr/bin/python3.11", {"python3", "-c", "import x", "y.py"}, "python3.11"},
      {"/usr/bin/python3.11", {"python3"}, "python3.11"},
      {"/usr/bin/python3.11", {"python3", "/srv/shop/__main__.py"}, "shop"},
      {"/usr/bin/python3.11",
       {"/usr/bin/python3", "/usr/bin/gunicorn", "-b", "127.0.0.1:8000", "-w", "4",
        "shop.wsgi:app"},
       "shop"},
      {"/usr/bin/python3.11", {"python3", "/usr/bin/gunicorn", "-c", "conf.py"}, "gunicorn"},
      {"/usr/bin/python3.11", {"gunicorn: worker [shop.wsgi:app]"}, "shop"},
      {"/usr/bin/python3.11", {"python3", "-m", "uvicorn", "main:app", "--port", "80"}, "main"},
      {"/usr/bin/node", {"node", "server.js"}, "server"},
      {"/usr/bin/node", {"node", "-r", "./trace.js", "--max-old-space-size=64", "api.mjs"}, "api"},
      {"/usr/bin/node", {"node", "/srv/shop/dist/index.js"}, "shop"},
      {"/usr/bin/node", {"node", "index.js"}, "index"},
      {"/usr/bin/node", {"node", "-e", "1"}, "node"},
      {"/usr/bin/bun", {"bun", "run", "shop.ts"}, "shop"},
      {"/usr/lib/jvm/java-17/bin/java",
       {"java", "-Xmx1g", "-jar", "/opt/shop-api-1.2.3.jar"},
       "shop-api"},
      {"/usr/lib/jvm/java-17/bin/java",
       {"java", "-cp", "a.jar:b.jar", "com.acme.ShopServer"},
       "ShopServer"},
      {"/usr/bin/java", {"java", "-Dspring.application.name=cart", "-jar", "x.jar"}, "cart"},
      {"/usr/bin/java", {"java", "-m", "com.acme/com.acme.Main"}, "com.acme"},
      {"/usr/bin/java", {"java"}, "java"},
      {"/usr/bin/ruby3.1", {"puma 6.0.0 (tcp://0.0.0.0:3000) [shop]"}, "shop"},
      {"/usr/bin/ruby3.1", {"ruby", "app.rb"}, "app"},
      {"/usr/bin/php8.2", {"php", "-S", "0.0.0.0:80"}, "php8.2"},
      {"/usr/sbin/php-fpm8.2", {"php-fpm: pool www"}, "php-fpm8.2"},
      {"/usr/bin/dash", {"/bin/sh", "/opt/start.sh"}, "start"},
      {"/usr/bin/dotnet", {"dotnet", "Shop.Api.dll"}, "Shop.Api"},
      {"/usr/bin/busybox", {"/bin/httpd", "-f"}, "httpd"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(command_name(c.executable, c.arguments), c.name)
        << c.executable << " " << (c.arguments.empty() ? "" : c.arguments.back());
  }
}

TEST(CommandNameTest, TellsTheRuntimeOfInterpretersOnly) {
  EXPECT_EQ(runtime_name("/usr/bin/python3.11"), "cpython");
  EXPECT_EQ(runtime_name("/usr/bin/node"), "nodejs");
  EXPECT_EQ(runtime_name("/usr/sbin/nginx"), "");
}

}  // namespace
}  // namespace hostlens::discovery
