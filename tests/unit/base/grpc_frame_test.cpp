// SPDX-License-Identifier: Apache-2.0
#include "base/grpc_frame.h"

#include <gtest/gtest.h>

namespace hostlens::base {
namespace {

using namespace std::string_literals;

TEST(GrpcFrameTest, FramesWhatItUnframes) {
  EXPECT_EQ(grpc_frame("abc"), "\0\0\0\0\3abc"s);
  const std::string large(70'000, 'x');
  EXPECT_EQ(grpc_message(grpc_frame(large)), large);
  EXPECT_EQ(grpc_message(grpc_frame("first") + grpc_frame("second")), "first");
  EXPECT_EQ(grpc_message(grpc_frame("")), "");
}

TEST(GrpcFrameTest, RefusesWhatIsCutOrCompressed) {
  const std::string whole = grpc_frame("abc");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(grpc_message(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(grpc_message("\1\0\0\0\0"s));
  EXPECT_FALSE(grpc_message("\0\xff\xff\xff\xff"s));
}

}  // namespace
}  // namespace hostlens::base
