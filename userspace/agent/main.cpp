// SPDX-License-Identifier: Apache-2.0
#include "agent/command_line.h"

int main(int argc, char** argv) { return hostlens::agent::run_program(argc, argv); }
