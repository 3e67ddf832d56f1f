#include "CLibcrypto.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// Fetched once: a fetch takes a lock and a search through the providers.
static void fetch(void) { sha256 = EVP_MD_fetch(NULL, "SHA256", NULL); }

static void require(int worked, const char *what) {
    if (worked) return;
    fprintf(stderr, "radiata: libcrypto: %s failed; is OpenSSL's configuration of this machine whole?\n", what);
    abort();
}

ccrypto_hash *ccrypto_sha256_new(void) {
    pthread_once(&once, fetch);
    require(sha256 != NULL, "SHA-256");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    require(context != NULL, "memory for a hash");
    require(EVP_DigestInit_ex2(context, sha256, NULL) == 1, "a new hash");
    return (ccrypto_hash *)context;
}

void ccrypto_hash_update(ccrypto_hash *hash, const void *bytes, size_t count) {
    require(EVP_DigestUpdate((EVP_MD_CTX *)hash, bytes, count) == 1, "hashing");
}

void ccrypto_hash_finish(ccrypto_hash *hash, uint8_t *digest) {
    unsigned int size = 0;
    require(EVP_DigestFinal_ex((EVP_MD_CTX *)hash, digest, &size) == 1, "a digest");
    require(size == CCRYPTO_SHA256_BYTES, "a digest of 32 bytes");
}

void ccrypto_hash_free(ccrypto_hash *hash) { EVP_MD_CTX_free((EVP_MD_CTX *)hash); }

void ccrypto_hmac_sha256(const void *key, size_t key_count, const void *message, size_t count, uint8_t *code) {
    pthread_once(&once, fetch);
    require(sha256 != NULL, "SHA-256");
    require(key_count <= INT_MAX, "a key of that length");
    unsigned int size = 0;
    // An empty key or message may have no address.
    const unsigned char *made = HMAC(sha256, key != NULL ? key : "", (int)key_count,
                                     message != NULL ? message : (const void *)"", count, code, &size);
    require(made != NULL && size == CCRYPTO_SHA256_BYTES, "a code of 32 bytes");
}
