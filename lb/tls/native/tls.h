// TLS sessions over buffers, on the OpenSSL 3 that the node binary exports. Nothing here touches a socket, and nothing here is linked:
// where a symbol is missing, loading fails and the caller goes on without this module.
#pragma once
#define NAPI_VERSION 8
#include <node_api.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TICKET_KEY_BYTES 80 // 16 name, 32 HMAC-SHA256, 32 AES-256-CBC
#define MAX_TICKET_KEYS 8

typedef struct Instance Instance;
typedef struct Set Set;
typedef struct Session Session;

// A server name and the context that has its certificate. `*.` at the front stands for one label.
typedef struct {
  char *name;
  SSL_CTX *context;
} Name;

// What is said of a certificate, and until when (0: no end).
typedef struct {
  X509 *leaf;
  unsigned char *bytes;
  size_t length;
  time_t until;
} Staple;

// What the sessions of one listener, or of one backend, are made from. Sessions keep it after it has been replaced.
struct Set {
  Instance *instance;
  int references;
  bool isServer;
  bool verifies;
  uint32_t earlyBytes;
  SSL_CTX *fallback;
  Name *names;
  size_t nameCount;
  Staple *staples;
  size_t stapleCount;
  unsigned char *alpn; // wire format, in the order of preference
  unsigned int alpnLength;
};

// A place for the last session of one server, to be resumed.
typedef struct {
  SSL_SESSION *session;
  bool isUsed;
} Slot;

typedef enum { EARLY, HANDSHAKE, OPEN, OVER } Phase;

struct Session {
  SSL *ssl;
  Set *set;
  Phase phase;
  int slot; // -1: none
  uint32_t generation;
  uint32_t index, nextFree;
  unsigned long error; // of OpenSSL's queue, the first of what broke it
  int verifyResult;
};

// Words of `state`, which JavaScript reads after a call.
enum { PLAIN_LENGTH, OUT_END, TAKEN, FACTS, STATE_WORDS };

// Bits of what `feed` returns.
enum { SECURED = 1, ENDED = 2, FAILED = 4, IS_EARLY = 8 };

typedef struct {
  _Atomic uint64_t slots[8];
} Bucket;

struct Instance {
  BIO_METHOD *method;
  EVP_CIPHER *ticketCipher;
  EVP_MAC *ticketMac;
  // Buffers of JavaScript, each held by a reference.
  int32_t *state;
  unsigned char *in, *plain, *out;
  size_t inLength, plainLength, outLength;
  napi_ref stateReference, inReference, plainReference, outReference;
  // Of the call under way.
  Session *active;
  size_t inAt, inEnd, outAt;
  bool overflowed;
  Session **sessions;
  uint32_t sessionCapacity, firstFree;
  Set **sets;
  int setCapacity;
  Slot *slots;
  int slotCapacity;
  unsigned char ticketKeys[MAX_TICKET_KEYS][TICKET_KEY_BYTES];
  int ticketKeyCount;
  struct StrikeHead *strikes;
  size_t strikeBytes;
  // Numbers that must meet when nothing is open.
  double opened, freed, contexts;
};

// contexts.c
SSL_CTX *context_new(Set *set, int minVersion, const char *ciphers, const char *suites, const char *groups,
                     const unsigned char *id, size_t idLength, char *error, size_t errorSize);
// A part of a pair, as JavaScript holds it.
typedef struct {
  const void *bytes;
  size_t length;
} Part;
bool context_use_pair(Set *set, SSL_CTX *context, Part cert, Part key, Part ocsp, char *notice, char *error,
                      size_t errorSize);
bool context_trust(Set *set, SSL_CTX *context, const char *pem, size_t length, int mode, char *error, size_t errorSize);
void context_free(Instance *instance, SSL_CTX *context);
void set_release(Set *set);
void describe_error(char *into, size_t size);

// staples.c
bool staple_add(Set *set, X509 *leaf, const unsigned char *bytes, size_t length, char *error, size_t errorSize);
int staple_send(SSL *ssl, void *unused);
void staples_free(Set *set);

// tickets.c
int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypts);

// sessions.c
BIO_METHOD *session_bio_method(void);
Session *session_open(Instance *instance, Set *set, int slot, const char *host, int hostIsAddress, const char *serverName, int32_t *id);
Session *session_find(Instance *instance, int32_t id);
int session_feed(Instance *instance, Session *session, size_t length, size_t outAt);
bool session_write(Instance *instance, Session *session, const unsigned char *data, size_t length, size_t outAt);
void session_shut_down(Instance *instance, Session *session, size_t outAt);
void session_free(Instance *instance, Session *session);
int session_new_ticket(SSL *ssl, SSL_SESSION *ticket);

// strikes.c
bool strikes_open(Instance *instance, const char *path, uint32_t buckets, uint32_t windowSeconds, uint32_t blindSeconds);
void strikes_close(Instance *instance);
int strikes_allow(SSL *ssl, void *instance);
bool strikes_first(Instance *instance, const unsigned char random[32]);
