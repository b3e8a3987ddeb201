// SPDX-License-Identifier: Apache-2.0
#include "agent/attach_report_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hostlens::agent {
namespace {

TEST(AttachReportJsonTest, HoldsEveryFieldOfEveryHook) {
  kernel::AttachReport report;
  report.socket_variant = "fexit";
  report.hooks = {{"socket", "socket data", "fexit/tcp_sendmsg", true, true, "", ""},
                  {"socket", "resets", "tp_btf/x", false, false, "refused", "be root"}};
  const auto document = nlohmann::json::parse(attach_report_json(report));
  EXPECT_EQ(document.at("socket_variant"), "fexit");
  ASSERT_EQ(document.at("hooks").size(), 2U);
  const auto& hook = document.at("hooks")[1];
  EXPECT_EQ(hook.at("probe"), "socket");
  EXPECT_EQ(hook.at("signal"), "resets");
  EXPECT_EQ(hook.at("hook"), "tp_btf/x");
  EXPECT_EQ(hook.at("attached"), false);
  EXPECT_EQ(hook.at("chosen"), false);
  EXPECT_EQ(hook.at("reason"), "refused");
  EXPECT_EQ(hook.at("remedy"), "be root");
  EXPECT_EQ(document.at("hooks")[0].at("chosen"), true);
}

TEST(AttachReportJsonTest, TheVariantIsFoundAgain) {
  kernel::AttachReport report;
  report.socket_variant = "tracepoint";
  EXPECT_EQ(socket_variant_of(attach_report_json(report)), "tracepoint");
}

TEST(AttachReportJsonTest, AReasonThatIsNoUtf8IsStillADocument) {
  kernel::AttachReport report;
  report.hooks = {{"socket", "s", "h", false, false, "\xff\xfe", ""}};
  EXPECT_TRUE(nlohmann::json::accept(attach_report_json(report)));
}

TEST(AttachReportJsonTest, ReasonsToDropPacketsAreFoundAgain) {
  kernel::AttachReport report;
  report.packet_drop_reasons = {{2, "NOT_SPECIFIED"}, {65537, "X"}};
  EXPECT_EQ(packet_drop_reasons_of(attach_report_json(report)), report.packet_drop_reasons);
  for (const char* text :
       {"", "[]", "{}", R"({"packet_drop_reasons":[]})",
        R"({"packet_drop_reasons":{"x":"A","-1":"B","1":2,"4294967296":"C"}})"}) {
    EXPECT_TRUE(packet_drop_reasons_of(text).empty()) << text;
  }
}

TEST(AttachReportJsonTest, HooksAreFoundAgain) {
  kernel::AttachReport report;
  report.hooks = {{"file", "s", "fentry/x", false, false, "refused", "boot another"},
                  {"disk", "t", "tp_btf/y", true, true, "", ""}};
  const auto hooks = hooks_of(attach_report_json(report));
  ASSERT_EQ(hooks.size(), 2U);
  EXPECT_EQ(hooks[0].signal, "s");
  EXPECT_EQ(hooks[0].remedy, "boot another");
  EXPECT_TRUE(hooks[1].attached);
  for (const char* text : {"", "[]", "{}", R"({"hooks":7})", R"({"hooks":[{"probe":"x"}]})"}) {
    EXPECT_TRUE(hooks_of(text).empty()) << text;
  }
}

TEST(AttachReportJsonTest, OtherDocumentsHaveNoVariant) {
  for (const char* text : {"", "{", "[]", "{}", R"({"socket_variant":7})", "null"}) {
    EXPECT_EQ(socket_variant_of(text), "") << text;
  }
}

}  // namespace
}  // namespace hostlens::agent
