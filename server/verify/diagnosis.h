#pragma once

#include <string>
#include <string_view>

#include "server/verify/survey.h"
#include "server/verify/trouble.h"
#include "server/wal/directory.h"
#include "server/wal/lsn.h"

namespace server::verify {

// A trouble in words.
struct Diagnosis {
  // kNotRead: nothing is known of the WAL there.
  enum class Weight { kFault, kNotRead, kNote };
  Weight weight = Weight::kFault;
  std::string_view kind;  // one word, for programs
  wal::TimelineId timeline{};
  wal::Lsn lsn;
  wal::Lsn good_from;  // invalid: not known
  std::string file;    // in which `lsn` lies
  std::string what;    // PostgreSQL's words where it has them
  std::string repair;  // what can be done
  std::string bytes;   // around `lsn`, as lines of LSN, hex and text; empty if there are none
};

// Blocks: reads the bytes around from the directory, unless that is null.
Diagnosis diagnose(const Trouble& trouble, const Survey& survey, const wal::Directory* directory);

}  // namespace server::verify
