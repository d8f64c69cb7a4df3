#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/check.h"

namespace runtime {

// Items of several parties, which take turns: however many one party has, the next of another
// party waits for one item of each at most. Of one party they come in their order, and no more
// than `at_once_max` of them are out at a time, so that no party has all that take items.
//   Owner: Pool.  Thread: the owner's lock's.
//   Invariant: a party stands in the round exactly if it has an item and may have one more out.
//   Limits: the owner's; memory grows with the items that are wanted. Of each party, as many are
//   here as were wanted when that was last looked at, once more, and at least kSweptMin.
template <typename Item>
class FairQueue {
 public:
  using Party = std::uint64_t;
  static constexpr std::size_t kSweptMin = 2;

  // REQUIRES: at_once_max > 0.
  explicit FairQueue(std::size_t at_once_max) : at_once_max_(at_once_max) {
    CHECK(at_once_max_ > 0);
  }

  // Whenever the party's items have doubled since this was last done, those that are not wanted any
  // more are taken out: so an item costs a constant number of questions. Returns what was taken
  // out, for the caller to destroy where it likes.
  template <typename IsWanted>
  std::vector<Item> push(Party party, Item item, IsWanted is_wanted) {
    Share& share = shares_[party];
    const bool stands = !share.items.empty();
    std::vector<Item> unwanted;
    if (share.items.size() >= share.swept_at) unwanted = sweep(share, is_wanted);
    share.items.push_back(std::move(item));
    if (!stands && share.out < at_once_max_) round_.push_back(party);
    return unwanted;
  }
  // Whether pop() may be called. What is not ready waits for a finish().
  bool is_ready() const { return !round_.empty(); }
  // Takes the next item out, until finish() is called for its party. REQUIRES: is_ready().
  Item pop() {
    CHECK(is_ready());
    const Party party = round_.front();
    round_.pop_front();
    Share& share = shares_.find(party)->second;
    Item item = std::move(share.items.front());
    share.items.pop_front();
    share.swept_at = std::min(share.swept_at, next_sweep(share));
    ++share.out;
    if (!share.items.empty() && share.out < at_once_max_) round_.push_back(party);
    return item;
  }
  // One of the party's items is out no longer.
  void finish(Party party) {
    const auto found = shares_.find(party);
    CHECK(found != shares_.end() && found->second.out > 0);
    Share& share = found->second;
    const bool was_full = share.out-- == at_once_max_;
    if (share.items.empty()) {
      if (share.out == 0) shares_.erase(found);
    } else if (was_full) {
      round_.push_back(party);
    }
  }
  // Drops what is not out.
  void clear() {
    round_.clear();
    for (auto& [party, share] : shares_) share.items.clear();
    std::erase_if(shares_, [](const auto& share) { return share.second.out == 0; });
  }

 private:
  struct Share {
    std::deque<Item> items;
    std::size_t out = 0;
    std::size_t swept_at = kSweptMin;  // with so many items
  };

  static std::size_t next_sweep(const Share& share) {
    return std::max(kSweptMin, 2 * share.items.size());
  }
  template <typename IsWanted>
  static std::vector<Item> sweep(Share& share, IsWanted is_wanted) {
    const auto first = std::stable_partition(share.items.begin(), share.items.end(), is_wanted);
    std::vector<Item> unwanted(std::make_move_iterator(first),
                               std::make_move_iterator(share.items.end()));
    share.items.erase(first, share.items.end());
    share.swept_at = next_sweep(share);
    return unwanted;
  }

  const std::size_t at_once_max_;
  std::unordered_map<Party, Share> shares_;  // of parties that have an item, or one out
  std::deque<Party> round_;
};

}  // namespace runtime
