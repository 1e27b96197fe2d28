// OCSP stapling (RFC 6066 §8): what the authority says of a certificate, sent along with it, so that the client need not ask.
#include "tls.h"
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Of the answer about this certificate; false where it has none, or says otherwise than that the certificate is good.
static bool find_answer(OCSP_BASICRESP *basic, X509 *leaf, time_t *until) {
  for (int i = 0; i < OCSP_resp_count(basic); i++) {
    OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
    ASN1_INTEGER *serial = NULL;
    OCSP_id_get0_info(NULL, NULL, NULL, &serial, (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single));
    if (serial == NULL || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) != 0) continue;
    ASN1_GENERALIZEDTIME *next = NULL;
    int status = OCSP_single_get0_status(single, NULL, NULL, NULL, &next);
    struct tm end;
    // Without a next update there is always newer news (RFC 6960 §4.2.2.1): it is sent until the file changes.
    *until = next != NULL && ASN1_TIME_to_tm(next, &end) == 1 ? timegm(&end) : 0;
    return status == V_OCSP_CERTSTATUS_GOOD;
  }
  return false;
}

// `bytes`: an OCSPResponse, DER. One that has ended is taken, and not sent.
bool staple_add(Set *set, X509 *leaf, const unsigned char *bytes, size_t length, char *error, size_t errorSize) {
  const unsigned char *at = bytes;
  OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)length);
  OCSP_BASICRESP *basic = response == NULL || OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL
                              ? NULL
                              : OCSP_response_get1_basic(response);
  time_t until = 0;
  bool fine = basic != NULL && find_answer(basic, leaf, &until);
  OCSP_BASICRESP_free(basic);
  OCSP_RESPONSE_free(response);
  ERR_clear_error();
  if (!fine) {
    snprintf(error, errorSize, "the OCSP response is none that calls this certificate good");
    return false;
  }
  Staple *grown = realloc(set->staples, (set->stapleCount + 1) * sizeof *grown);
  unsigned char *copy = malloc(length);
  if (grown != NULL) set->staples = grown;
  if (grown == NULL || copy == NULL) {
    free(copy);
    snprintf(error, errorSize, "out of memory");
    return false;
  }
  memcpy(copy, bytes, length);
  X509_up_ref(leaf);
  grown[set->stapleCount++] = (Staple){.leaf = leaf, .bytes = copy, .length = length, .until = until};
  return true;
}

int staple_send(SSL *ssl, void *unused) {
  (void)unused;
  const Set *set = ((Session *)SSL_get_app_data(ssl))->set;
  const X509 *leaf = SSL_get_certificate(ssl);
  for (size_t i = 0; i < set->stapleCount; i++) {
    const Staple *staple = &set->staples[i];
    if (staple->leaf != leaf || (staple->until != 0 && staple->until <= time(NULL))) continue;
    unsigned char *copy = OPENSSL_memdup(staple->bytes, staple->length);
    if (copy == NULL) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (int)staple->length);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

void staples_free(Set *set) {
  for (size_t i = 0; i < set->stapleCount; i++) {
    X509_free(set->staples[i].leaf);
    free(set->staples[i].bytes);
  }
  free(set->staples);
}
