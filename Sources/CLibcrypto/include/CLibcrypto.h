// The system's libcrypto (OpenSSL 3) for Swift, as few typed functions: SHA-256 piece by piece.
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
