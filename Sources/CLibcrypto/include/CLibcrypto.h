// The system's libcrypto (OpenSSL 3) for Swift, as few typed functions: SHA-256 piece by piece, HMAC,
// certificates.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CCRYPTO_SHA256_BYTES = 32 };

typedef struct ccrypto_hash ccrypto_hash;

// A new SHA-256 over nothing yet. Ends the process where libcrypto has no memory or no SHA-256: nothing could
// go on.
ccrypto_hash *ccrypto_sha256_new(void);

void ccrypto_hash_update(ccrypto_hash *hash, const void *bytes, size_t count);

// Writes CCRYPTO_SHA256_BYTES bytes. The hash takes no more bytes afterwards.
void ccrypto_hash_finish(ccrypto_hash *hash, uint8_t *digest);

void ccrypto_hash_free(ccrypto_hash *hash);

// HMAC over SHA-256 (RFC 2104): writes CCRYPTO_SHA256_BYTES bytes. Ends the process where libcrypto has none.
void ccrypto_hmac_sha256(const void *key, size_t key_count, const void *message, size_t count, uint8_t *code);

// Certificates on the curve P-256, as PEM texts that are the caller's to `free`; NULL where libcrypto
// refuses.
char *ccrypto_make_key(void);

// A certificate of an authority, signed by its own key. Times are seconds since 1970.
char *ccrypto_make_authority(const char *key, const char *name, int64_t from, int64_t to);

// A server's certificate. `alternatives` is a list as OpenSSL writes it: `DNS:box.lan,IP:192.168.1.5`.
char *ccrypto_make_certificate(const char *authority_key, const char *authority, const char *key,
                               const char *name, const char *alternatives, int64_t from, int64_t to);

// Writes CCRYPTO_SHA256_BYTES bytes: the SHA-256 of the first certificate in the text. Returns whether there
// is one.
int ccrypto_certificate_digest(const char *pem, uint8_t *digest);

// When the first certificate in the text ends, in seconds since 1970; -1 where there is none.
int64_t ccrypto_certificate_end(const char *pem);

// Whether two texts are equal, in a time that tells nothing of where they differ.
int ccrypto_equal(const void *a, const void *b, size_t count);
