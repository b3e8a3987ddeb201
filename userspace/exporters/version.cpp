// SPDX-License-Identifier: Apache-2.0
#include "exporters/version.h"

namespace hostlens::exporters {

std::string_view agent_version() { return HOSTLENS_VERSION; }

}  // namespace hostlens::exporters
