#include "CLibcrypto.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

// The text that was written into a memory BIO, which is freed.
static char *text_of(BIO *bio) {
    char *bytes = NULL;
    long count = BIO_get_mem_data(bio, &bytes);
    char *text = count > 0 ? strndup(bytes, (size_t)count) : NULL;
    BIO_free(bio);
    return text;
}

static EVP_PKEY *read_key(const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static X509 *read_certificate(const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return certificate;
}

char *ccrypto_make_key(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    int worked = key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    EVP_PKEY_free(key);
    if (worked) return text_of(bio);
    BIO_free(bio);
    return NULL;
}

static int add(X509 *certificate, X509V3_CTX *context, int number, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, number, value);
    int worked = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return worked;
}

// A positive number of 127 random bits.
static int number(X509 *certificate) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return 0;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *value = BN_bin2bn(bytes, sizeof bytes, NULL);
    int worked = value && BN_to_ASN1_INTEGER(value, X509_get_serialNumber(certificate)) != NULL;
    BN_free(value);
    return worked;
}

static int set_time(ASN1_TIME *time, int64_t seconds) { return ASN1_TIME_set(time, (time_t)seconds) != NULL; }

// `issuer` NULL: signed by itself.
static X509 *make(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key, const char *alternatives,
                  int64_t from, int64_t to) {
    X509 *certificate = X509_new();
    if (!certificate) return NULL;
    X509 *parent = issuer ? issuer : certificate;
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    int worked = X509_set_version(certificate, 2) && number(certificate) &&
                 set_time(X509_getm_notBefore(certificate), from) && set_time(X509_getm_notAfter(certificate), to) &&
                 X509_set_pubkey(certificate, key) &&
                 X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
                 X509_set_issuer_name(certificate, X509_get_subject_name(parent));
    X509V3_set_ctx(&context, parent, certificate, NULL, NULL, 0);
    worked = worked && add(certificate, &context, NID_subject_key_identifier, "hash") &&
             add(certificate, &context, NID_authority_key_identifier, "keyid");
    if (issuer) {
        worked = worked && add(certificate, &context, NID_basic_constraints, "critical,CA:FALSE") &&
                 add(certificate, &context, NID_key_usage, "critical,digitalSignature") &&
                 add(certificate, &context, NID_ext_key_usage, "serverAuth") &&
                 add(certificate, &context, NID_subject_alt_name, alternatives);
    } else {
        worked = worked && add(certificate, &context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                 add(certificate, &context, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (worked && X509_sign(certificate, issuer_key, EVP_sha256()) > 0) return certificate;
    X509_free(certificate);
    return NULL;
}

static char *write_certificate(X509 *certificate) {
    BIO *bio = BIO_new(BIO_s_mem());
    int worked = certificate && bio && PEM_write_bio_X509(bio, certificate) == 1;
    X509_free(certificate);
    if (worked) return text_of(bio);
    BIO_free(bio);
    return NULL;
}

char *ccrypto_make_authority(const char *key_text, const char *name, int64_t from, int64_t to) {
    EVP_PKEY *key = read_key(key_text);
    X509 *certificate = key ? make(key, name, NULL, key, NULL, from, to) : NULL;
    EVP_PKEY_free(key);
    return write_certificate(certificate);
}

char *ccrypto_make_certificate(const char *authority_key, const char *authority, const char *key_text,
                               const char *name, const char *alternatives, int64_t from, int64_t to) {
    EVP_PKEY *signer = read_key(authority_key);
    EVP_PKEY *key = read_key(key_text);
    X509 *issuer = read_certificate(authority);
    X509 *certificate = NULL;
    if (signer && key && issuer && X509_check_private_key(issuer, signer) == 1)
        certificate = make(key, name, issuer, signer, alternatives, from, to);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(signer);
    return write_certificate(certificate);
}

int ccrypto_certificate_digest(const char *pem, uint8_t *digest) {
    X509 *certificate = read_certificate(pem);
    unsigned int size = 0;
    int worked = certificate && X509_digest(certificate, EVP_sha256(), digest, &size) == 1 &&
                 size == CCRYPTO_SHA256_BYTES;
    X509_free(certificate);
    return worked;
}

int64_t ccrypto_certificate_end(const char *pem) {
    X509 *certificate = read_certificate(pem);
    struct tm parts;
    int64_t seconds = -1;
    if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1) seconds = timegm(&parts);
    X509_free(certificate);
    return seconds;
}

int ccrypto_equal(const void *a, const void *b, size_t count) { return CRYPTO_memcmp(a, b, count) == 0; }
