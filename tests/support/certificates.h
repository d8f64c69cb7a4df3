#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temp_dir.h"

struct x509_st;
struct evp_pkey_st;

namespace tests {

// An authority that signs certificates; with keys of P-256, which are made in no time, unless a
// test wants another signature.
//   Owner: the test.  Thread: the test's.
class Authority {
 public:
  enum class Signature { kEcdsa, kRsaPss };
  explicit Authority(std::string_view name, Signature signature = Signature::kEcdsa);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  // All of these write a file in PEM and return its path.
  std::string certificate(const TempDir& directory) const;
  // Revokes certificates by their serial numbers.
  std::string revocations(const TempDir& directory, const std::vector<long>& serials) const;

  struct Subject {
    std::string common_name;  // empty: there is none
    long serial = 1;
    long days_valid = 2;  // negative: it has expired
  };
  struct Files {
    std::string certificate;
    std::string key;
  };
  Files issue(const TempDir& directory, const Subject& subject) const;

 private:
  const std::string name_;
  evp_pkey_st* const key_;
  x509_st* const certificate_;
};

}  // namespace tests
