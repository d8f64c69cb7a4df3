#include "server/verify/verify.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/in_order.h"
#include "runtime/log.h"
#include "runtime/progress.h"
#include "server/verify/diagnosis.h"
#include "server/verify/joints.h"
#include "server/verify/prover.h"
#include "server/verify/report.h"
#include "server/verify/trouble.h"

namespace server::verify {

using wal::Lsn;

namespace {

// So many pieces for each thread are begun and not joined: a slow one holds up no other soon.
constexpr std::size_t kPiecesPerThread = 4;

std::vector<Piece> cut(const Survey& survey, const VerifyOptions& options) {
  std::vector<Piece> pieces;
  const wal::SegmentSize size = survey.identity.segment_size;
  for (const WalFile& file : survey.files) {
    const Lsn end = size.end(file.no);
    for (Lsn at = size.start(file.no); at < end; at += options.piece_bytes) {
      const Lsn piece_end = std::min(end, at + options.piece_bytes);
      if (piece_end <= options.scope.from || at >= options.scope.to) continue;
      pieces.push_back({.file = file, .begin = at, .end = piece_end});
    }
  }
  return pieces;
}

// Whoever asked has not read of a directory that all is good.
int status_of(Outcome::Verdict verdict, const runtime::Result<void>& reported) {
  if (reported) return static_cast<int>(verdict);
  runtime::log::error("{}", reported.error().what);
  const bool is_good = verdict == Outcome::Verdict::kGood;
  return static_cast<int>(is_good ? Outcome::Verdict::kNotRead : verdict);
}

// What of a piece its file had, when it was found.
std::uint64_t bytes_of(const Piece& piece, wal::SegmentSize size) {
  const std::uint64_t begin = size.offset(piece.begin);
  return std::min(std::max(piece.file.bytes, begin) - begin, piece.end - piece.begin);
}

// One run over a directory.
//   Owner: verify().  Thread: its, and those of the pipeline, which prove; take() is called by one
//   at a time.
//   Borrows: the options, the clock, the output.
class Run final : public TroubleSink {
 public:
  Run(const VerifyOptions& options, const runtime::Clock& clock, const VerifyOutput& output,
      Survey survey);

  int run();
  void on_trouble(const Trouble& trouble) override;

 private:
  void prove_all();
  void take(const Piece& piece, const PieceProof& proof);
  void look_at_histories();
  void look_at_sizes();
  void look_at_ends();
  bool is_in_scope(const Trouble& trouble) const;

  const VerifyOptions& options_;
  const runtime::Clock& clock_;
  const wal::Directory directory_;
  const Survey survey_;
  const std::vector<Piece> pieces_;
  Joints joints_;
  Report report_;
  runtime::Progress progress_;
  Outcome outcome_;
  std::set<SegmentKey> in_trouble_;
};

Run::Run(const VerifyOptions& options, const runtime::Clock& clock, const VerifyOutput& output,
         Survey survey)
    : options_(options),
      clock_(clock),
      directory_(options.directory),
      survey_(std::move(survey)),
      pieces_(cut(survey_, options)),
      joints_(survey_, *this),
      report_(options.json, output.report),
      progress_({.is_terminal = output.progress_is_terminal,
                 .quiet = options.no_progress,
                 .total_bytes = std::accumulate(
                     pieces_.begin(), pieces_.end(), std::uint64_t{0},
                     [this](std::uint64_t bytes, const Piece& piece) {
                       return bytes + bytes_of(piece, survey_.identity.segment_size);
                     })},
                clock, output.progress) {}

int Run::run() {
  const runtime::Instant begun = clock_.now();
  look_at_histories();
  prove_all();
  outcome_.ends = joints_.finish();
  look_at_sizes();
  look_at_ends();
  outcome_.segments = survey_.files.size();
  outcome_.records = joints_.records();
  outcome_.not_read += survey_.compressed.size() + survey_.compressed_histories.size();
  outcome_.seconds = std::chrono::duration<double>(clock_.now() - begun).count();
  progress_.clear();
  const auto reported = report_.finish(outcome_, survey_, options_.directory);
  return status_of(outcome_.verdict(), reported);
}

void Run::prove_all() {
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const std::size_t threads = options_.jobs != 0 ? options_.jobs : cores;
  const std::size_t in_flight = threads * kPiecesPerThread;
  std::vector<PieceProof> proofs(in_flight);
  runtime::run_in_order(
      pieces_.size(), {.threads = threads, .in_flight = in_flight},
      [&](std::size_t i) {
        const Piece& piece = pieces_[i];
        const ProverOptions options{directory_, survey_.identity,
                                    survey_.history_of(piece.file.timeline())};
        proofs[i % in_flight] = prove(options, piece);
      },
      [&](std::size_t i) { take(pieces_[i], proofs[i % in_flight]); });
}

void Run::take(const Piece& piece, const PieceProof& proof) {
  joints_.take(piece, proof);
  if (!proof.problem) outcome_.bytes += bytes_of(piece, survey_.identity.segment_size);
  progress_.show(outcome_.bytes);
}

void Run::on_trouble(const Trouble& trouble) {
  if (!is_in_scope(trouble)) return;
  progress_.clear();
  if (!is_note(trouble.kind)) in_trouble_.insert({trouble.file.timeline(), trouble.file.no});
  const Diagnosis diagnosis =
      diagnose(trouble, survey_, report_.has_room() ? &directory_ : nullptr);
  switch (diagnosis.weight) {
    case Diagnosis::Weight::kFault:
      ++outcome_.faults;
      if (!outcome_.first_bad.valid() || diagnosis.lsn < outcome_.first_bad) {
        outcome_.first_bad = diagnosis.lsn;
      }
      break;
    case Diagnosis::Weight::kNotRead:
      if (trouble.kind != TroubleKind::kGap)
        ++outcome_.not_read;  // run() counts what is compressed
      break;
    case Diagnosis::Weight::kNote:
      ++outcome_.notes;
      break;
  }
  report_.say(diagnosis);
}

// A piece that is in it may have more than is asked for.
bool Run::is_in_scope(const Trouble& trouble) const {
  if (trouble.kind == TroubleKind::kHistory) return true;
  const Lsn good_from = trouble.good_from.valid() ? trouble.good_from : Lsn::max();
  return trouble.lsn < options_.scope.to && good_from > options_.scope.from;
}

void Run::look_at_histories() {
  for (const auto& [timeline, why] : survey_.bad_histories) {
    WalFile file{.name = {.timeline = timeline}, .no = survey_.files.front().no};
    on_trouble({.kind = TroubleKind::kHistory,
                .file = file,
                .lsn = survey_.identity.segment_size.start(file.no)});
  }
}

// A file that ends before its WAL does is found by its WAL. Here are those whose WAL ends well.
void Run::look_at_sizes() {
  const wal::SegmentSize size = survey_.identity.segment_size;
  for (const WalFile& file : survey_.files) {
    const bool is_whole = file.name.kind != wal::FileName::Kind::kSegment ||
                          file.bytes == size.bytes() ||
                          in_trouble_.contains({file.timeline(), file.no});
    if (is_whole) continue;
    on_trouble(
        {.kind = TroubleKind::kWrongSize,
         .file = file,
         .lsn = size.start(file.no) + std::min<std::uint64_t>(file.bytes, size.bytes() - 1)});
  }
}

// What was asked for must be there, up to both ends. The newest timeline has the end.
void Run::look_at_ends() {
  const Scope& scope = options_.scope;
  const wal::SegmentSize size = survey_.identity.segment_size;
  const Lsn begin = size.start(survey_.files.front().no);
  if (scope.from.valid() && begin > scope.from) {
    on_trouble({.kind = TroubleKind::kBeginsLate, .file = survey_.files.front(), .lsn = begin});
  }
  if (scope.to == Lsn::max() || outcome_.ends.empty()) return;
  const TimelineEnd& last = outcome_.ends.back();
  // A record that reaches further than the range is there as far as it was asked for.
  const bool reaches_on = last.unfinished.valid() && pieces_.back().end >= scope.to;
  if (last.end >= scope.to || reaches_on) return;
  WalFile file = survey_.files.back();
  on_trouble({.kind = TroubleKind::kEndsEarly, .file = file, .lsn = last.end});
}

}  // namespace

int verify(const VerifyOptions& options, const runtime::Clock& clock, const VerifyOutput& output) {
  auto found = survey(wal::Directory(options.directory), options.scope);
  if (!found) {
    const auto reported = Report(options.json, output.report).refuse(found.error());
    return status_of(Outcome::Verdict::kNotRead, reported);
  }
  return Run(options, clock, output, *std::move(found)).run();
}

}  // namespace server::verify
