// One session: bytes of the network in, bytes of the application out, and the other way. It reads from the shared buffer `in` without a
// copy and writes to `out`; what is left over in the middle of a record, OpenSSL keeps.
#include "tls.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

// A record and its overhead.
#define RECORD_ROOM (SSL3_RT_MAX_PLAIN_LENGTH + 512)
#define INDEX_BITS 21
#define INDEX_MASK ((1u << INDEX_BITS) - 1)
// Of the 31 bits of an id the others tell uses of the same place apart.
#define GENERATION_MASK ((1u << (31 - INDEX_BITS)) - 1)
#define NO_INDEX UINT32_MAX

static int read_in(BIO *bio, char *into, int wanted) {
  Session *session = BIO_get_data(bio);
  Instance *instance = session->set->instance;
  BIO_clear_retry_flags(bio);
  size_t there = instance->active == session ? instance->inEnd - instance->inAt : 0;
  if (there == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t length = (size_t)wanted < there ? (size_t)wanted : there;
  memcpy(into, instance->in + instance->inAt, length);
  instance->inAt += length;
  return (int)length;
}

static int write_out(BIO *bio, const char *from, int length) {
  Session *session = BIO_get_data(bio);
  Instance *instance = session->set->instance;
  BIO_clear_retry_flags(bio);
  if (instance->active != session || instance->outLength - instance->outAt < (size_t)length) {
    instance->overflowed = true;
    return -1;
  }
  memcpy(instance->out + instance->outAt, from, (size_t)length);
  instance->outAt += (size_t)length;
  return length;
}

static long control(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int create(BIO *bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD *session_bio_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "shared buffers");
  if (method == NULL) return NULL;
  BIO_meth_set_read(method, read_in);
  BIO_meth_set_write(method, write_out);
  BIO_meth_set_ctrl(method, control);
  BIO_meth_set_create(method, create);
  return method;
}

static Session *place(Instance *instance) {
  if (instance->firstFree == NO_INDEX) {
    uint32_t capacity = instance->sessionCapacity == 0 ? 64 : instance->sessionCapacity * 2;
    if (capacity > INDEX_MASK + 1) return NULL;
    Session **grown = realloc(instance->sessions, capacity * sizeof *grown);
    if (grown == NULL) return NULL;
    instance->sessions = grown;
    Session *block = calloc(capacity - instance->sessionCapacity, sizeof *block);
    if (block == NULL) return NULL;
    for (uint32_t i = capacity; i-- > instance->sessionCapacity;) {
      grown[i] = block + (i - instance->sessionCapacity);
      grown[i]->index = i;
      grown[i]->nextFree = instance->firstFree;
      instance->firstFree = i;
    }
    instance->sessionCapacity = capacity;
  }
  Session *session = instance->sessions[instance->firstFree];
  instance->firstFree = session->nextFree;
  return session;
}

static void give_back(Instance *instance, Session *session) {
  session->generation = (session->generation + 1) & GENERATION_MASK;
  session->nextFree = instance->firstFree;
  instance->firstFree = session->index;
}

// `host`: for clients, the name or address that the server's certificate must be for.
Session *session_open(Instance *instance, Set *set, int slot, const char *host, int hostIsAddress, const char *serverName,
                      int32_t *id) {
  Session *session = place(instance);
  if (session == NULL) return NULL;
  SSL *ssl = SSL_new(set->fallback);
  BIO *bio = ssl == NULL ? NULL : BIO_new(instance->method);
  if (bio == NULL) {
    SSL_free(ssl);
    give_back(instance, session);
    return NULL;
  }
  BIO_set_data(bio, session);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, session);
  session->ssl = ssl;
  session->set = set;
  session->slot = slot;
  session->error = 0;
  session->verifyResult = X509_V_OK;
  session->phase = set->isServer && set->earlyBytes > 0 ? EARLY : HANDSHAKE;
  set->references++;
  instance->opened++;
  if (set->isServer) {
    SSL_set_accept_state(ssl);
  } else {
    SSL_set_connect_state(ssl);
    if (serverName[0] != 0) SSL_set_tlsext_host_name(ssl, serverName);
    if (hostIsAddress) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    else if (host[0] != 0) SSL_set1_host(ssl, host);
    if (slot >= 0 && instance->slots[slot].session != NULL) {
      // A copy: OpenSSL marks the one that it resumes as used up, and the next connection may come before the next ticket.
      SSL_SESSION *copy = SSL_SESSION_dup(instance->slots[slot].session);
      SSL_set_session(ssl, copy);
      SSL_SESSION_free(copy);
    }
  }
  *id = (int32_t)(session->generation << INDEX_BITS | session->index);
  return session;
}

Session *session_find(Instance *instance, int32_t id) {
  uint32_t index = (uint32_t)id & INDEX_MASK;
  if (id < 0 || index >= instance->sessionCapacity) return NULL;
  Session *session = instance->sessions[index];
  return session->ssl != NULL && session->generation == (uint32_t)id >> INDEX_BITS ? session : NULL;
}

void session_free(Instance *instance, Session *session) {
  // A connection that ends otherwise than by the book would take its ticket with it: OpenSSL marks that as not to be used again.
  SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(session->ssl);
  session->ssl = NULL;
  instance->freed++;
  set_release(session->set);
  session->set = NULL;
  give_back(instance, session);
}

// The last ticket of a server is the one to come back with.
int session_new_ticket(SSL *ssl, SSL_SESSION *ticket) {
  Session *session = SSL_get_app_data(ssl);
  if (session == NULL || session->slot < 0) return 0;
  Slot *slot = &session->set->instance->slots[session->slot];
  if (!slot->isUsed) return 0;
  // A copy by way of its bytes: one that came on a resumed connection is marked as used up (OpenSSL 3.0 to 3.5 copy the mark of the ticket
  // that the connection began with), and is refused by OpenSSL itself.
  unsigned char *bytes = NULL;
  int length = i2d_SSL_SESSION(ticket, &bytes);
  const unsigned char *at = bytes;
  SSL_SESSION *copy = length <= 0 ? NULL : d2i_SSL_SESSION(NULL, &at, length);
  OPENSSL_free(bytes);
  if (copy == NULL) return 0;
  SSL_SESSION_free(slot->session);
  slot->session = copy;
  return 0;
}

static void enter(Instance *instance, Session *session, size_t length, size_t outAt) {
  instance->active = session;
  instance->inAt = 0;
  instance->inEnd = length;
  instance->outAt = outAt;
  instance->overflowed = false;
  ERR_clear_error();
}

static void leave(Instance *instance) {
  instance->state[OUT_END] = (int32_t)instance->outAt;
  instance->active = NULL;
}

static int fail(Session *session) {
  session->phase = OVER;
  session->error = ERR_peek_error();
  session->verifyResult = (int)SSL_get_verify_result(session->ssl);
  ERR_clear_error();
  return FAILED;
}

// Waiting for more is no error.
static int broken(Session *session, int result) {
  int error = SSL_get_error(session->ssl, result);
  return error == SSL_ERROR_WANT_READ && !session->set->instance->overflowed ? 0 : fail(session);
}

static int read_early(Instance *instance, Session *session, size_t *got) {
  for (;;) {
    size_t length = 0;
    int result = SSL_read_early_data(session->ssl, instance->plain + *got, instance->plainLength - *got, &length);
    *got += length;
    if (result == SSL_READ_EARLY_DATA_FINISH) {
      session->phase = HANDSHAKE;
      return 0;
    }
    if (result == SSL_READ_EARLY_DATA_ERROR) return broken(session, 0);
  }
}

static int read_open(Instance *instance, Session *session, size_t *got) {
  // Asking until OpenSSL wants more would be one call too many for nearly every request.
  while (*got < instance->plainLength && (instance->inAt < instance->inEnd || SSL_has_pending(session->ssl))) {
    size_t length = 0;
    int result = SSL_read_ex(session->ssl, instance->plain + *got, instance->plainLength - *got, &length);
    if (result == 1) {
      *got += length;
    } else if (SSL_get_error(session->ssl, result) == SSL_ERROR_ZERO_RETURN) {
      return ENDED;
    } else {
      return broken(session, result);
    }
  }
  // Plain text is never longer than the records that it came in and the one that was begun before; `plain` has room for that.
  return 0;
}

// `length` bytes of `in` have come; 0 starts a client. Returns bits; `PLAIN_LENGTH` bytes of `plain` are for the application, and what
// is in `out` from `outAt` to `OUT_END` is for the network.
int session_feed(Instance *instance, Session *session, size_t length, size_t outAt) {
  enter(instance, session, length, outAt);
  size_t got = 0;
  int bits = 0;
  if (session->phase == EARLY) bits = read_early(instance, session, &got);
  if (session->phase == HANDSHAKE) {
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
      session->phase = OPEN;
      bits |= SECURED;
    } else {
      bits |= broken(session, result);
    }
  }
  if (session->phase == OPEN) bits |= read_open(instance, session, &got);
  if (session->phase < OPEN && got > 0) bits |= IS_EARLY;
  instance->state[PLAIN_LENGTH] = (int32_t)got;
  leave(instance);
  return bits;
}

// Takes as much as there is room for; `TAKEN` says how much. False: the session is broken.
bool session_write(Instance *instance, Session *session, const unsigned char *data, size_t length, size_t outAt) {
  enter(instance, session, 0, outAt);
  size_t taken = 0;
  bool fine = session->phase != OVER;
  while (fine && taken < length && instance->outLength - instance->outAt >= RECORD_ROOM) {
    size_t part = 0;
    size_t most = length - taken < SSL3_RT_MAX_PLAIN_LENGTH ? length - taken : SSL3_RT_MAX_PLAIN_LENGTH;
    // Before the handshake is over, answers to early data go out in the server's first flight (RFC 8446 §4.2.10).
    fine = session->phase == OPEN ? SSL_write_ex(session->ssl, data + taken, most, &part) == 1
                                  : SSL_write_early_data(session->ssl, data + taken, most, &part) == 1;
    taken += part;
  }
  if (!fine && session->phase != OVER) fail(session);
  instance->state[TAKEN] = (int32_t)taken;
  leave(instance);
  return fine;
}

void session_shut_down(Instance *instance, Session *session, size_t outAt) {
  enter(instance, session, 0, outAt);
  if (session->phase == OPEN) SSL_shutdown(session->ssl);
  ERR_clear_error();
  leave(instance);
}
