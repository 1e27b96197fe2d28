// What JavaScript sees. Objects are numbers here, checked at each call: a wrong one throws and reaches no memory.
#include "tls.h"
#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 10
#define ERROR_BYTES 256

typedef struct {
  napi_env env;
  Instance *instance;
  size_t count;
  napi_value values[MAX_ARGUMENTS];
} Call;

static bool begin(Call *call, napi_env env, napi_callback_info info) {
  void *data = NULL;
  call->env = env;
  call->count = MAX_ARGUMENTS;
  if (napi_get_cb_info(env, info, &call->count, call->values, NULL, &data) != napi_ok) return false;
  call->instance = data;
  return true;
}

static napi_value refuse(Call *call, const char *message) {
  napi_throw_error(call->env, "TLS", message);
  return NULL;
}

static int32_t integer(Call *call, size_t at) {
  int32_t value = -1;
  if (at < call->count) napi_get_value_int32(call->env, call->values[at], &value);
  return value;
}

static bool bytes(Call *call, size_t at, unsigned char **data, size_t *length) {
  void *pointer = NULL;
  napi_typedarray_type type;
  *length = 0;
  if (at >= call->count) return false;
  if (napi_get_typedarray_info(call->env, call->values[at], &type, length, &pointer, NULL, NULL) != napi_ok) return false;
  *data = pointer;
  return type == napi_uint8_array;
}

// To be freed by the caller.
static char *text(Call *call, size_t at) {
  size_t length = 0;
  if (at >= call->count || napi_get_value_string_utf8(call->env, call->values[at], NULL, 0, &length) != napi_ok) return NULL;
  char *into = malloc(length + 1);
  if (into != NULL) napi_get_value_string_utf8(call->env, call->values[at], into, length + 1, &length);
  return into;
}

static napi_value number(Call *call, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(call->env, value, &result);
  return result;
}

static napi_value string(Call *call, const char *value) {
  napi_value result = NULL;
  napi_create_string_utf8(call->env, value == NULL ? "" : value, NAPI_AUTO_LENGTH, &result);
  return result;
}

static Set *find_set(Call *call, size_t at) {
  int32_t id = integer(call, at);
  return id >= 0 && id < call->instance->setCapacity ? call->instance->sets[id] : NULL;
}

static Session *find_session(Call *call, size_t at) { return session_find(call->instance, integer(call, at)); }

// A buffer stays where it is as long as it is referenced.
static bool hold(Call *call, size_t at, napi_ref *reference, unsigned char **data, size_t *length) {
  unsigned char *found;
  size_t size;
  napi_ref held;
  if (!bytes(call, at, &found, &size) || napi_create_reference(call->env, call->values[at], 1, &held) != napi_ok) return false;
  if (*reference != NULL) napi_delete_reference(call->env, *reference);
  *reference = held;
  *data = found;
  *length = size;
  return true;
}

// useBuffers(state: Int32Array, in, plain)
static napi_value use_buffers(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Instance *instance = call.instance;
  napi_typedarray_type type;
  size_t length = 0;
  void *state = NULL;
  if (instance->stateReference != NULL || call.count < 3 ||
      napi_get_typedarray_info(env, call.values[0], &type, &length, &state, NULL, NULL) != napi_ok || type != napi_int32_array ||
      length < STATE_WORDS || napi_create_reference(env, call.values[0], 1, &instance->stateReference) != napi_ok)
    return refuse(&call, "useBuffers takes the state once");
  instance->state = state;
  if (!hold(&call, 1, &instance->inReference, &instance->in, &instance->inLength) ||
      !hold(&call, 2, &instance->plainReference, &instance->plain, &instance->plainLength))
    return refuse(&call, "useBuffers takes two buffers");
  return NULL;
}

// useOut(out)
static napi_value use_out(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Instance *instance = call.instance;
  if (!hold(&call, 0, &instance->outReference, &instance->out, &instance->outLength)) return refuse(&call, "useOut takes a buffer");
  return NULL;
}

// createSet(isServer, earlyBytes, alpn): id
static napi_value create_set(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Instance *instance = call.instance;
  unsigned char *alpn = NULL;
  size_t alpnLength = 0;
  if (!bytes(&call, 2, &alpn, &alpnLength)) return refuse(&call, "createSet takes three arguments");
  int id = 0;
  while (id < instance->setCapacity && instance->sets[id] != NULL) id++;
  if (id == instance->setCapacity) {
    int capacity = id == 0 ? 16 : id * 2;
    Set **grown = realloc(instance->sets, (size_t)capacity * sizeof *grown);
    if (grown == NULL) return refuse(&call, "out of memory");
    memset(grown + id, 0, (size_t)(capacity - id) * sizeof *grown);
    instance->sets = grown;
    instance->setCapacity = capacity;
  }
  Set *set = calloc(1, sizeof *set);
  if (set == NULL) return refuse(&call, "out of memory");
  set->instance = instance;
  set->references = 1;
  set->isServer = integer(&call, 0) == 1;
  set->earlyBytes = (uint32_t)integer(&call, 1);
  if (alpnLength > 0 && (set->alpn = malloc(alpnLength)) != NULL) {
    memcpy(set->alpn, alpn, alpnLength);
    set->alpnLength = (unsigned int)alpnLength;
  }
  instance->sets[id] = set;
  return number(&call, id);
}

static void drop_set(Instance *instance, int id) {
  Set *set = instance->sets[id];
  instance->sets[id] = NULL;
  set_release(set);
}

// dropSet(set): sessions that are open keep what they use.
static napi_value drop_set_call(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  if (find_set(&call, 0) != NULL) drop_set(call.instance, integer(&call, 0));
  return NULL;
}

// Of the pairs of `addContext`.
static bool part(Call *call, uint32_t index, Part *into) {
  napi_value element;
  void *found = NULL;
  if (napi_get_element(call->env, call->values[7], index, &element) != napi_ok ||
      napi_get_buffer_info(call->env, element, &found, &into->length) != napi_ok)
    return false;
  into->bytes = found;
  return true;
}

// addContext(set, names: string with a name a line, minVersion, ciphers, suites, groups, id, pairs: Buffer[], ca, verifyMode): '' or what is left out
// `pairs`: certificate chain, key and OCSP response (may be empty) in turn.
// Throws with OpenSSL's words. The first context is the one of clients that give no name, or an unknown one.
static napi_value add_context(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Set *set = find_set(&call, 0);
  unsigned char *id = NULL, *ca = NULL;
  size_t idLength = 0, caLength = 0;
  uint32_t pairs = 0;
  char error[ERROR_BYTES] = "", notice[ERROR_BYTES] = "";
  if (set == NULL || call.count < 10 || !bytes(&call, 6, &id, &idLength) || !bytes(&call, 8, &ca, &caLength) ||
      napi_get_array_length(env, call.values[7], &pairs) != napi_ok)
    return refuse(&call, "addContext takes ten arguments");
  char *names = text(&call, 1), *ciphers = text(&call, 3), *suites = text(&call, 4), *groups = text(&call, 5);
  SSL_CTX *context = names == NULL || ciphers == NULL || suites == NULL || groups == NULL
                         ? NULL
                         : context_new(set, integer(&call, 2), ciphers, suites, groups, id, idLength, error, sizeof error);
  bool fine = context != NULL;
  if (fine && caLength > 0)
    fine = context_trust(set, context, (const char *)ca, caLength, integer(&call, 9), error, sizeof error);
  for (uint32_t i = 0; fine && i + 2 < pairs; i += 3) {
    Part cert, key, ocsp;
    fine = part(&call, i, &cert) && part(&call, i + 1, &key) && part(&call, i + 2, &ocsp) &&
           context_use_pair(set, context, cert, key, ocsp, notice, error, sizeof error);
  }
  if (fine && set->fallback == NULL) {
    set->fallback = context;
  } else if (fine && (names == NULL || names[0] == 0)) {
    snprintf(error, sizeof error, "only the first context may be without names");
    fine = false;
  }
  char *rest = names;
  for (char *name; fine && (name = strsep(&rest, "\n")) != NULL;) {
    if (name[0] == 0) continue;
    Name *grown = realloc(set->names, (set->nameCount + 1) * sizeof *grown);
    if (grown == NULL) break;
    set->names = grown;
    grown[set->nameCount].name = strdup(name);
    grown[set->nameCount++].context = context;
  }
  if (!fine && context != NULL) context_free(call.instance, context);
  free(names);
  free(ciphers);
  free(suites);
  free(groups);
  return fine ? string(&call, notice) : refuse(&call, error[0] == 0 ? "wrong arguments" : error);
}

// useTicketKeys(keys): 80 bytes each, the current one first
static napi_value use_ticket_keys(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  unsigned char *keys = NULL;
  size_t length = 0;
  if (!bytes(&call, 0, &keys, &length) || length % TICKET_KEY_BYTES != 0 || length > MAX_TICKET_KEYS * TICKET_KEY_BYTES)
    return refuse(&call, "useTicketKeys takes up to 8 keys of 80 bytes");
  memcpy(call.instance->ticketKeys, keys, length);
  call.instance->ticketKeyCount = (int)(length / TICKET_KEY_BYTES);
  return NULL;
}

// openStrikes(path, buckets, windowSeconds, blindSeconds): '' or why not
static napi_value open_strikes(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  char *path = text(&call, 0);
  bool fine = path != NULL && strikes_open(call.instance, path, (uint32_t)integer(&call, 1), (uint32_t)integer(&call, 2),
                                           (uint32_t)integer(&call, 3));
  int why = errno;
  free(path);
  return string(&call, fine ? "" : strerror(why));
}

// isFirstStrike(random of 32 bytes): 1 or 0
static napi_value is_first_strike(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  unsigned char *random = NULL;
  size_t length = 0;
  if (!bytes(&call, 0, &random, &length) || length != 32) return refuse(&call, "isFirstStrike takes 32 bytes");
  return number(&call, strikes_first(call.instance, random));
}

// createSlot(): id
static napi_value create_slot(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Instance *instance = call.instance;
  int id = 0;
  while (id < instance->slotCapacity && instance->slots[id].isUsed) id++;
  if (id == instance->slotCapacity) {
    int capacity = id == 0 ? 16 : id * 2;
    Slot *grown = realloc(instance->slots, (size_t)capacity * sizeof *grown);
    if (grown == NULL) return refuse(&call, "out of memory");
    memset(grown + id, 0, (size_t)(capacity - id) * sizeof *grown);
    instance->slots = grown;
    instance->slotCapacity = capacity;
  }
  instance->slots[id].isUsed = true;
  return number(&call, id);
}

// dropSlot(slot)
static napi_value drop_slot(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  int32_t id = integer(&call, 0);
  if (id < 0 || id >= call.instance->slotCapacity) return NULL;
  SSL_SESSION_free(call.instance->slots[id].session);
  call.instance->slots[id] = (Slot){0};
  return NULL;
}

// open(set, slot, host, hostIsAddress, serverName): id; the last three for clients
static napi_value open_session(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Set *set = find_set(&call, 0);
  int32_t slot = integer(&call, 1);
  if (set == NULL || set->fallback == NULL) return refuse(&call, "there is no such set");
  if (slot >= 0 && (slot >= call.instance->slotCapacity || !call.instance->slots[slot].isUsed)) slot = -1;
  char *host = set->isServer ? NULL : text(&call, 2);
  char *serverName = set->isServer ? NULL : text(&call, 4);
  int32_t id = -1;
  Session *session = session_open(call.instance, set, slot, host == NULL ? "" : host, integer(&call, 3) == 1,
                                  serverName == NULL ? "" : serverName, &id);
  free(host);
  free(serverName);
  ERR_clear_error();
  return session == NULL ? refuse(&call, "no session could be made") : number(&call, id);
}

// feed(session, length, outAt): bits
static napi_value feed(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Instance *instance = call.instance;
  Session *session = find_session(&call, 0);
  uint32_t length = (uint32_t)integer(&call, 1), outAt = (uint32_t)integer(&call, 2);
  if (session == NULL || instance->out == NULL || length > instance->inLength || outAt > instance->outLength)
    return refuse(&call, "feed: no such session or place");
  return number(&call, session_feed(instance, session, length, outAt));
}

// write(session, data, from, outAt): 1, or 0 where the session is broken
static napi_value write_session(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Instance *instance = call.instance;
  Session *session = find_session(&call, 0);
  unsigned char *data = NULL;
  size_t length = 0;
  uint32_t from = (uint32_t)integer(&call, 2), outAt = (uint32_t)integer(&call, 3);
  if (session == NULL || !bytes(&call, 1, &data, &length) || from > length || instance->out == NULL || outAt > instance->outLength)
    return refuse(&call, "write: no such session or place");
  return number(&call, session_write(instance, session, data + from, length - from, outAt));
}

// shutDown(session, outAt)
static napi_value shut_down(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Session *session = find_session(&call, 0);
  uint32_t outAt = (uint32_t)integer(&call, 1);
  if (session == NULL || call.instance->out == NULL || outAt > call.instance->outLength) return refuse(&call, "shutDown: no such session");
  session_shut_down(call.instance, session, outAt);
  return NULL;
}

// free(session)
static napi_value free_session(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Session *session = find_session(&call, 0);
  if (session == NULL) return refuse(&call, "free: no such session");
  session_free(call.instance, session);
  return NULL;
}

// facts(session): bits 0-15 the cipher suite, 16-23 the low byte of the version, 24 resumed, 25-26 early data (0 none, 1 refused, 2 accepted)
static napi_value facts(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Session *session = find_session(&call, 0);
  if (session == NULL) return refuse(&call, "facts: no such session");
  const SSL_CIPHER *cipher = SSL_get_current_cipher(session->ssl);
  int32_t value = cipher == NULL ? 0 : SSL_CIPHER_get_protocol_id(cipher);
  value |= (SSL_version(session->ssl) & 0xff) << 16;
  value |= SSL_session_reused(session->ssl) << 24;
  value |= SSL_get_early_data_status(session->ssl) << 25;
  return number(&call, value);
}

// word(session, which): 0 the suite's name, 1 the server name, 2 the protocol (ALPN), 3 why it failed, 4 the peer's name (RFC 2253)
static napi_value word(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  Session *session = find_session(&call, 0);
  if (session == NULL) return refuse(&call, "word: no such session");
  char buffer[1024] = "";
  const unsigned char *protocol = NULL;
  unsigned int length = 0;
  switch (integer(&call, 1)) {
  case 0:
    return string(&call, SSL_get_cipher_name(session->ssl));
  case 1:
    return string(&call, SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name));
  case 2:
    SSL_get0_alpn_selected(session->ssl, &protocol, &length);
    memcpy(buffer, length == 0 ? (const unsigned char *)"" : protocol, length);
    return string(&call, buffer);
  case 3:
    if (session->set->verifies && session->verifyResult != X509_V_OK)
      return string(&call, X509_verify_cert_error_string(session->verifyResult));
    return string(&call, session->error == 0 ? "" : ERR_reason_error_string(session->error));
  case 4: {
    X509 *peer = SSL_get1_peer_certificate(session->ssl);
    BIO *bio = peer == NULL || SSL_get_verify_result(session->ssl) != X509_V_OK ? NULL : BIO_new(BIO_s_mem());
    if (bio != NULL) {
      X509_NAME_print_ex(bio, X509_get_subject_name(peer), 0, XN_FLAG_RFC2253);
      BIO_read(bio, buffer, sizeof buffer - 1);
      BIO_free(bio);
    }
    X509_free(peer);
    return string(&call, buffer);
  }
  default:
    return refuse(&call, "word: no such word");
  }
}

// counts(): [sessions opened, sessions freed, contexts there]
static napi_value counts(napi_env env, napi_callback_info info) {
  Call call;
  if (!begin(&call, env, info)) return NULL;
  const double values[] = {call.instance->opened, call.instance->freed, call.instance->contexts};
  napi_value result, element;
  if (napi_create_array_with_length(env, 3, &result) != napi_ok) return NULL;
  for (uint32_t i = 0; i < 3; i++) {
    napi_create_double(env, values[i], &element);
    napi_set_element(env, result, i, element);
  }
  return result;
}

static void clean_up(void *data) {
  Instance *instance = data;
  for (uint32_t i = 0; i < instance->sessionCapacity; i++)
    if (instance->sessions[i]->ssl != NULL) session_free(instance, instance->sessions[i]);
  for (int i = 0; i < instance->setCapacity; i++)
    if (instance->sets[i] != NULL) drop_set(instance, i);
  for (int i = 0; i < instance->slotCapacity; i++) SSL_SESSION_free(instance->slots[i].session);
  strikes_close(instance);
  // Blocks of sessions start at 0, 64, 128, 256 and so on, as `place` doubles.
  for (uint32_t at = 0; at < instance->sessionCapacity; at = at == 0 ? 64 : at * 2) free(instance->sessions[at]);
  free(instance->sessions);
  free(instance->sets);
  free(instance->slots);
  OPENSSL_cleanse(instance->ticketKeys, sizeof instance->ticketKeys);
  EVP_CIPHER_free(instance->ticketCipher);
  EVP_MAC_free(instance->ticketMac);
  BIO_meth_free(instance->method);
  free(instance);
}

// create(): an object with all the rest. What one makes, another knows nothing of.
static napi_value create_instance(napi_env env, napi_callback_info info) {
  Call call;
  napi_value exports = NULL;
  if (!begin(&call, env, info) || napi_create_object(env, &exports) != napi_ok) return NULL;
  Instance *instance = calloc(1, sizeof *instance);
  if (instance == NULL) return refuse(&call, "out of memory");
  instance->firstFree = UINT32_MAX;
  instance->method = session_bio_method();
  instance->ticketCipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
  napi_add_env_cleanup_hook(env, clean_up, instance);
  if (instance->method == NULL || instance->ticketCipher == NULL) return refuse(&call, "OpenSSL lacks what this needs");
  const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"useBuffers", use_buffers},       {"useOut", use_out},
      {"createSet", create_set},         {"addContext", add_context},
      {"dropSet", drop_set_call},        {"useTicketKeys", use_ticket_keys},
      {"openStrikes", open_strikes},     {"isFirstStrike", is_first_strike},
      {"createSlot", create_slot},       {"dropSlot", drop_slot},
      {"open", open_session},            {"feed", feed},
      {"write", write_session},          {"shutDown", shut_down},
      {"free", free_session},            {"facts", facts},
      {"word", word},                    {"counts", counts},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, instance, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
      return NULL;
  }
  return exports;
}

// trim(): the kernel gets back what malloc holds and nobody uses (malloc_trim(3)). malloc itself gives back the end of its heap alone.
static napi_value trim(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}

NAPI_MODULE_INIT() {
  Call call = {.env = env};
  if (OPENSSL_version_major() != 3) return refuse(&call, "this is built for OpenSSL 3");
  napi_value make, giveBack;
  if (napi_create_function(env, "create", NAPI_AUTO_LENGTH, create_instance, NULL, &make) != napi_ok ||
      napi_set_named_property(env, exports, "create", make) != napi_ok ||
      napi_create_function(env, "trim", NAPI_AUTO_LENGTH, trim, NULL, &giveBack) != napi_ok ||
      napi_set_named_property(env, exports, "trim", giveBack) != napi_ok)
    return NULL;
  return exports;
}
