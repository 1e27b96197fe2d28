// Session tickets (RFC 5077 §4, for TLS 1.3 alike) under keys that all planes share. The first key is the current one; tickets of the
// others are accepted and renewed.
#include "tls.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypts) {
  Session *session = SSL_get_app_data(ssl);
  Instance *instance = session->set->instance;
  int index = 0;
  if (encrypts) {
    if (instance->ticketKeyCount == 0 || RAND_bytes(iv, 16) != 1) return -1;
    memcpy(name, instance->ticketKeys[0], 16);
  } else {
    while (index < instance->ticketKeyCount && memcmp(name, instance->ticketKeys[index], 16) != 0) index++;
    if (index == instance->ticketKeyCount) return 0;
  }
  const unsigned char *key = instance->ticketKeys[index];
  OSSL_PARAM digest[2] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
      OSSL_PARAM_construct_end(),
  };
  if (EVP_MAC_init(mac, key + 16, 32, digest) != 1) return -1;
  if (EVP_CipherInit_ex2(cipher, instance->ticketCipher, key + 48, iv, encrypts, NULL) != 1) return -1;
  // 2: accepted, and a new ticket is due. In TLS 1.3 always: clients are to use each once (RFC 8446 appendix C.4).
  return encrypts || (index == 0 && SSL_version(ssl) < TLS1_3_VERSION) ? 1 : 2;
}
