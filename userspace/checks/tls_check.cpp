// SPDX-License-Identifier: Apache-2.0
// tls: the certificate is good for the name, trusted, and lasts for some days.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "checks/builtin_checks.h"
#include "checks/resolve.h"

namespace hostlens::checks {
namespace {

using model::CheckResult;
using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
using Session = std::unique_ptr<SSL, void (*)(SSL*)>;

std::string openssl_error() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  const char* reason = code != 0 ? ::ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "the peer closed the connection";
}

std::string verify_name(long code) {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "not_yet_valid";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "self_signed";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "name_mismatch";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "untrusted";
    default:
      return "verify_" + std::to_string(code);
  }
}

/// Of the certificate in the chain that ends first.
std::optional<double> days_left(SSL* session) {
  const STACK_OF(X509)* chain = ::SSL_get_peer_cert_chain(session);
  std::optional<double> least;
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    int days = 0;
    int seconds = 0;
    const ASN1_TIME* end = ::X509_get0_notAfter(sk_X509_value(chain, i));
    if (::ASN1_TIME_diff(&days, &seconds, nullptr, end) != 1) continue;
    const double left = days + seconds / 86400.0;
    least = std::min(least.value_or(left), left);
  }
  return least;
}

class TlsCheck final : public Check {
 public:
  explicit TlsCheck(CheckTarget target)
      : target_(std::move(target)), place_(target_.host + ":" + std::to_string(target_.port)) {}

  CheckResult run(const Deadline& deadline) noexcept override {
    auto connected = connect_to(target_.host, target_.port, deadline);
    if (auto* problem = std::get_if<CheckResult>(&connected)) return std::move(*problem);
    const base::UniqueFd& fd = std::get<base::UniqueFd>(connected);
    const Context context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
    const Session session(context ? ::SSL_new(context.get()) : nullptr, ::SSL_free);
    if (!session || ::SSL_CTX_set_default_verify_paths(context.get()) != 1 ||
        ::SSL_set_fd(session.get(), fd.get()) != 1 || !expect_name(session.get())) {
      return failed("openssl", place_ + ": " + openssl_error());
    }
    // Judged by hand afterwards: a certificate that is not good still tells its days.
    ::SSL_set_verify(session.get(), SSL_VERIFY_NONE, nullptr);
    if (auto problem = shake_hands(session.get(), fd.get(), deadline)) return *std::move(problem);
    CheckResult result = judge(session.get());
    result.certificate_days = days_left(session.get());
    return result;
  }

 private:
  bool expect_name(SSL* session) const {
    X509_VERIFY_PARAM* const expected = ::SSL_get0_param(session);
    if (::X509_VERIFY_PARAM_set1_ip_asc(expected, target_.host.c_str()) == 1) return true;
    ::ERR_clear_error();
    return ::SSL_set_tlsext_host_name(session, target_.host.c_str()) == 1 &&
           ::SSL_set1_host(session, target_.host.c_str()) == 1;
  }

  [[nodiscard]] std::optional<CheckResult> shake_hands(SSL* session, int fd,
                                                       const Deadline& deadline) const {
    for (;;) {
      ::ERR_clear_error();
      const int done = ::SSL_connect(session);
      if (done == 1) return std::nullopt;
      const int why = ::SSL_get_error(session, done);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        return failed("handshake", place_ + ": " + openssl_error());
      }
      if (!wait_for(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
        return failed("timeout", place_ + ": no handshake in time");
      }
    }
  }

  [[nodiscard]] CheckResult judge(SSL* session) const {
    const long verdict = ::SSL_get_verify_result(session);
    if (verdict != X509_V_OK) {
      return failed(verify_name(verdict), place_ + ": " + ::X509_verify_cert_error_string(verdict));
    }
    const auto days = days_left(session);
    if (!days) return failed("no_certificate", place_ + " shows no certificate");
    const std::string text =
        place_ + ": the certificate lasts " + std::to_string(std::lround(*days)) + " days";
    if (*days >= target_.limit) return passed(text);
    return failed("expires_soon", text);
  }

  CheckTarget target_;
  std::string place_;
};

}  // namespace

std::unique_ptr<Check> make_tls_check(const CheckSettings&, CheckTarget target,
                                      const CheckEnvironment&) {
  return std::make_unique<TlsCheck>(std::move(target));
}

}  // namespace hostlens::checks
