// SSL_CTX objects: one for each combination of certificates, and the set of a listener that chooses between them by server name.
#include "tls.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Keys change every hour and three are known, so none is forgotten before its tickets end.
#define TICKET_SECONDS 7200

void describe_error(char *into, size_t size) {
  unsigned long error = ERR_peek_error();
  const char *reason = error == 0 ? NULL : ERR_reason_error_string(error);
  snprintf(into, size, "%s", reason == NULL ? "unknown error" : reason);
  ERR_clear_error();
}

// The names of certificates are few, and compared once a handshake.
static SSL_CTX *find_name(const Set *set, const char *name) {
  const char *parent = strchr(name, '.');
  SSL_CTX *wild = NULL;
  for (size_t i = 0; i < set->nameCount; i++) {
    const char *known = set->names[i].name;
    if (strcasecmp(known, name) == 0) return set->names[i].context;
    if (known[0] == '*' && parent != NULL && strcasecmp(known + 1, parent) == 0) wild = set->names[i].context;
  }
  return wild;
}

static int choose_name(SSL *ssl, int *alert, void *unused) {
  (void)alert;
  (void)unused;
  Session *session = SSL_get_app_data(ssl);
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (session == NULL || name == NULL) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX *context = find_name(session->set, name);
  if (context != NULL) SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outLength, const unsigned char *in,
                           unsigned int inLength, void *unused) {
  (void)unused;
  const Set *set = ((Session *)SSL_get_app_data(ssl))->set;
  unsigned char *chosen;
  if (set->alpn == NULL) return SSL_TLSEXT_ERR_NOACK;
  // RFC 7301 §3.2: nothing in common is a fatal alert, so that no protocol is taken for another.
  if (SSL_select_next_proto(&chosen, outLength, set->alpn, set->alpnLength, in, inLength) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *context_new(Set *set, int minVersion, const char *ciphers, const char *suites, const char *groups,
                     const unsigned char *id, size_t idLength, char *error, size_t errorSize) {
  Instance *instance = set->instance;
  SSL_CTX *context = SSL_CTX_new(set->isServer ? TLS_server_method() : TLS_client_method());
  if (context == NULL) return describe_error(error, errorSize), NULL;
  instance->contexts++;
  SSL_CTX_set_min_proto_version(context, minVersion);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |
                                // The chain is what is in the file; else each handshake would look for one.
                                SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_ANTI_REPLAY |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  bool fine = SSL_CTX_set_cipher_list(context, ciphers) == 1 && SSL_CTX_set_ciphersuites(context, suites) == 1 &&
              SSL_CTX_set1_groups_list(context, groups) == 1;
  if (set->isServer) {
    fine = fine && SSL_CTX_set_session_id_context(context, id, (unsigned int)idLength) == 1;
    // Tickets alone: a cache of sessions would be of one plane.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, TICKET_SECONDS);
    // A ticket costs 16 µs. Clients use each once, and with early data they may come back by several connections at once.
    SSL_CTX_set_num_tickets(context, set->earlyBytes > 0 ? 2 : 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
    SSL_CTX_set_tlsext_servername_callback(context, choose_name);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_tlsext_status_cb(context, staple_send);
    if (set->earlyBytes > 0) {
      SSL_CTX_set_max_early_data(context, set->earlyBytes);
      SSL_CTX_set_recv_max_early_data(context, set->earlyBytes);
      SSL_CTX_set_allow_early_data_cb(context, strikes_allow, instance);
    }
  } else {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, session_new_ticket);
    if (set->alpn != NULL) fine = fine && SSL_CTX_set_alpn_protos(context, set->alpn, set->alpnLength) == 0;
  }
  if (fine) return context;
  describe_error(error, errorSize);
  context_free(instance, context);
  return NULL;
}

// A key of another kind than those that the context has is added to them; the client's words decide which certificate it gets.
// `ocsp` may be empty. One that does not fit is left out, and `notice` says so.
bool context_use_pair(Set *set, SSL_CTX *context, Part cert, Part key, Part ocsp, char *notice, char *error, size_t errorSize) {
  BIO *certBio = BIO_new_mem_buf(cert.bytes, (int)cert.length);
  BIO *keyBio = BIO_new_mem_buf(key.bytes, (int)key.length);
  X509 *leaf = PEM_read_bio_X509_AUX(certBio, NULL, NULL, (void *)"");
  EVP_PKEY *pair = PEM_read_bio_PrivateKey(keyBio, NULL, NULL, (void *)"");
  bool fine = leaf != NULL && pair != NULL && SSL_CTX_use_certificate(context, leaf) == 1 &&
              SSL_CTX_use_PrivateKey(context, pair) == 1 && SSL_CTX_check_private_key(context) == 1;
  if (fine) SSL_CTX_clear_chain_certs(context);
  for (X509 *next; fine && (next = PEM_read_bio_X509(certBio, NULL, NULL, (void *)"")) != NULL;) {
    fine = SSL_CTX_add0_chain_cert(context, next) == 1;
    if (!fine) X509_free(next);
  }
  if (!fine) describe_error(error, errorSize);
  if (fine && ocsp.length > 0) staple_add(set, leaf, ocsp.bytes, ocsp.length, notice, errorSize);
  ERR_clear_error();
  X509_free(leaf);
  EVP_PKEY_free(pair);
  BIO_free(certBio);
  BIO_free(keyBio);
  return fine;
}

// `mode`: of SSL_CTX_set_verify.
bool context_trust(Set *set, SSL_CTX *context, const char *pem, size_t length, int mode, char *error, size_t errorSize) {
  BIO *bio = BIO_new_mem_buf(pem, (int)length);
  X509_STORE *store = SSL_CTX_get_cert_store(context);
  int count = 0;
  for (X509 *next; (next = PEM_read_bio_X509(bio, NULL, NULL, (void *)"")) != NULL; X509_free(next)) {
    if (X509_STORE_add_cert(store, next) == 1) count++;
    if (set->isServer) SSL_CTX_add_client_CA(context, next);
  }
  BIO_free(bio);
  ERR_clear_error();
  SSL_CTX_set_verify(context, mode, NULL);
  set->verifies = mode != SSL_VERIFY_NONE;
  if (count > 0) return true;
  snprintf(error, errorSize, "no certificate in it");
  return false;
}

void context_free(Instance *instance, SSL_CTX *context) {
  SSL_CTX_free(context);
  instance->contexts--;
}

// Names share contexts; each is freed when its last name goes. Handshakes that began with a set end with it.
void set_release(Set *set) {
  if (--set->references > 0) return;
  for (size_t i = 0; i < set->nameCount; i++) {
    SSL_CTX *context = set->names[i].context;
    bool isLast = context != set->fallback;
    for (size_t k = i + 1; isLast && k < set->nameCount; k++) isLast = set->names[k].context != context;
    if (isLast) context_free(set->instance, context);
    free(set->names[i].name);
  }
  if (set->fallback != NULL) context_free(set->instance, set->fallback);
  staples_free(set);
  free(set->names);
  free(set->alpn);
  free(set);
}
