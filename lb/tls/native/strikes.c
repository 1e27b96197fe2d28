// The strike register: which first flights with early data have been seen. It lies in memory that all planes map, so that a flight that
// one plane took is refused by all others. Bounded: where there is no room, early data is refused, never forgotten.
#include "tls.h"
#include <errno.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Of the layout below. A register of another layout is refused.
#define MAGIC 0x706f727473747231ULL
#define SLOTS 8
// Bits of a slot: 40 of the random, 24 of the second.
#define TIME_BITS 24
#define TIME_MASK ((1u << TIME_BITS) - 1)
// A wall clock that moves by more than this against the other was set.
#define CLOCK_STEP_SECONDS 2

struct StrikeHead {
  _Atomic uint64_t magic;
  uint32_t buckets;
  uint32_t windowSeconds;
  // Before this second of the boot clock nothing is accepted: what was seen before the register was there is not in it.
  _Atomic uint64_t blindUntil;
  // Wall clock minus boot clock, in seconds. OpenSSL judges the age of a ticket by the wall clock.
  _Atomic int64_t offset;
  Bucket table[];
};

static uint64_t seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec;
}

static int64_t clock_offset(void) { return (int64_t)seconds(CLOCK_REALTIME) - (int64_t)seconds(CLOCK_BOOTTIME); }

static size_t register_bytes(uint32_t buckets) { return sizeof(struct StrikeHead) + (size_t)buckets * sizeof(Bucket); }

// The first to map it lays it out; `buckets` a power of two. `blindSeconds`: for so long nothing is taken, as tickets may be about whose use
// is not written down here. The random of a ClientHello spreads over them by itself.
bool strikes_open(Instance *instance, const char *path, uint32_t buckets, uint32_t windowSeconds, uint32_t blindSeconds) {
  strikes_close(instance);
  if (buckets == 0 || (buckets & (buckets - 1)) != 0) return errno = EINVAL, false;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  size_t bytes = register_bytes(buckets);
  struct stat stat;
  bool sized = fstat(fd, &stat) == 0 && ((size_t)stat.st_size >= bytes || ftruncate(fd, (off_t)bytes) == 0);
  void *at = sized ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  close(fd);
  if (at == MAP_FAILED) return false;
  struct StrikeHead *head = at;
  uint64_t none = 0;
  uint64_t busy = 1;
  if (atomic_compare_exchange_strong_explicit(&head->magic, &none, busy, memory_order_seq_cst, memory_order_seq_cst)) {
    head->buckets = buckets;
    head->windowSeconds = windowSeconds;
    head->offset = clock_offset();
    head->blindUntil = seconds(CLOCK_BOOTTIME) + blindSeconds;
    head->magic = MAGIC;
  } else {
    for (int i = 0; head->magic == busy && i < 1000; i++) usleep(1000);
    if (head->magic != MAGIC || head->buckets != buckets || head->windowSeconds != windowSeconds) {
      munmap(at, bytes);
      return errno = EINVAL, false;
    }
  }
  instance->strikes = head;
  instance->strikeBytes = bytes;
  return true;
}

void strikes_close(Instance *instance) {
  if (instance->strikes != NULL) munmap(instance->strikes, instance->strikeBytes);
  instance->strikes = NULL;
}

// When the wall clock is set back by x, flights of the last x seconds are fresh again, longer than the register remembers them.
static bool clock_is_steady(struct StrikeHead *head, uint64_t now) {
  int64_t known = head->offset;
  int64_t found = clock_offset();
  int64_t step = found - known;
  if (step <= CLOCK_STEP_SECONDS && step >= -CLOCK_STEP_SECONDS) return true;
  uint64_t blind = now + head->windowSeconds + (uint64_t)(step < 0 ? -step : 0);
  if (head->blindUntil < blind) head->blindUntil = blind;
  head->offset = found;
  return false;
}

// Whether these bytes are seen for the first time within the window, as far as that is certain.
bool strikes_first(Instance *instance, const unsigned char random[32]) {
  struct StrikeHead *head = instance->strikes;
  if (head == NULL) return false;
  uint64_t clock = seconds(CLOCK_BOOTTIME);
  if (!clock_is_steady(head, clock) || clock < head->blindUntil) return false;
  uint64_t tag, spread;
  memcpy(&tag, random, 8);
  memcpy(&spread, random + 8, 8);
  uint32_t now = (uint32_t)clock & TIME_MASK;
  // A slot is never 0 once used: its lowest bit of the tag is set.
  uint64_t mine = ((tag | 1) << TIME_BITS) | now;
  Bucket *bucket = &head->table[spread & (head->buckets - 1)];
  const uint32_t window = head->windowSeconds;
#define AGE(value) ((now - (uint32_t)((value) & TIME_MASK)) & TIME_MASK)
// A process whose clock was read a moment earlier may find an entry of the next second.
#define IS_LIVE(value) ((value) != 0 && (AGE(value) <= window || AGE(value) > TIME_MASK - 2))
#define IS_MINE(value) (((value) >> TIME_BITS) == (mine >> TIME_BITS) && IS_LIVE(value))
  for (int i = 0; i < SLOTS; i++) {
    uint64_t value = bucket->slots[i];
    if (IS_MINE(value)) return false;
  }
  for (int i = 0; i < SLOTS; i++) {
    uint64_t value = bucket->slots[i];
    if (IS_LIVE(value)) continue;
    if (!atomic_compare_exchange_strong_explicit(&bucket->slots[i], &value, mine, memory_order_seq_cst, memory_order_seq_cst)) continue;
    // Another process may have put the same in another slot meanwhile. Each looks after it has written, so at most one finds nothing.
    for (int k = 0; k < SLOTS; k++) {
      uint64_t other = bucket->slots[k];
      if (k != i && IS_MINE(other)) return false;
    }
    return true;
  }
  return false;
}

int strikes_allow(SSL *ssl, void *instance) {
  unsigned char random[32];
  if (SSL_get_client_random(ssl, random, sizeof random) != sizeof random) return 0;
  return strikes_first(instance, random) ? 1 : 0;
}
