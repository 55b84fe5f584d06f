/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Look-ups in the tables of suite.def, groups, signature schemes and versions. */
#include "wire/suite.h"

#include "base/attr.h"

static const struct suite suites[] = {
#define SUITE(code, name, openssl, kx, auth, cipher, mode, bits, export, tls13, since12)    \
    {code, name,   openssl, SUITE_KX_##kx, SUITE_AUTH_##auth, SUITE_##cipher, SUITE_##mode, \
     bits, export, tls13,   since12},
#include "wire/suite.def"
#undef SUITE
};

/* RFC 8422, RFC 7919, RFC 8446 4.2.7, draft-ietf-tls-ecdhe-mlkem. Strength: NIST SP 800-57 table 2,
 * as SSL Labs counts curves against RSA. */
static const struct suite_group groups[] = {
    {0x0001, "sect163k1", 163, 1024, false},
    {0x0002, "sect163r1", 163, 1024, false},
    {0x0003, "sect163r2", 163, 1024, false},
    {0x0004, "sect193r1", 193, 1536, false},
    {0x0005, "sect193r2", 193, 1536, false},
    {0x0006, "sect233k1", 233, 2240, false},
    {0x0007, "sect233r1", 233, 2240, false},
    {0x0008, "sect239k1", 239, 2304, false},
    {0x0009, "sect283k1", 283, 3456, false},
    {0x000a, "sect283r1", 283, 3456, false},
    {0x000b, "sect409k1", 409, 7680, false},
    {0x000c, "sect409r1", 409, 7680, false},
    {0x000d, "sect571k1", 571, 15360, false},
    {0x000e, "sect571r1", 571, 15360, false},
    {0x000f, "secp160k1", 160, 1024, false},
    {0x0010, "secp160r1", 160, 1024, false},
    {0x0011, "secp160r2", 160, 1024, false},
    {0x0012, "secp192k1", 192, 1536, false},
    {0x0013, "secp192r1", 192, 1536, false},
    {0x0014, "secp224k1", 224, 2048, false},
    {0x0015, "secp224r1", 224, 2048, false},
    {0x0016, "secp256k1", 256, 3072, false},
    {0x0017, "secp256r1", 256, 3072, false},
    {0x0018, "secp384r1", 384, 7680, false},
    {0x0019, "secp521r1", 521, 15360, false},
    {0x001a, "brainpoolP256r1", 256, 3072, false},
    {0x001b, "brainpoolP384r1", 384, 7680, false},
    {0x001c, "brainpoolP512r1", 512, 15360, false},
    {0x001d, "x25519", 253, 3072, false},
    {0x001e, "x448", 448, 7680, false},
    {0x001f, "brainpoolP256r1tls13", 256, 3072, false},
    {0x0020, "brainpoolP384r1tls13", 384, 7680, false},
    {0x0021, "brainpoolP512r1tls13", 512, 15360, false},
    {0x0100, "ffdhe2048", 2048, 2048, false},
    {0x0101, "ffdhe3072", 3072, 3072, false},
    {0x0102, "ffdhe4096", 4096, 4096, false},
    {0x0103, "ffdhe6144", 6144, 6144, false},
    {0x0104, "ffdhe8192", 8192, 8192, false},
    {0x0200, "MLKEM512", 0, 0, true},
    {0x0201, "MLKEM768", 0, 0, true},
    {0x0202, "MLKEM1024", 0, 0, true},
    {0x11eb, "SecP256r1MLKEM768", 256, 3072, true},
    {0x11ec, "X25519MLKEM768", 253, 3072, true},
    {0x11ed, "SecP384r1MLKEM1024", 384, 7680, true},
    {0x6399, "X25519Kyber768Draft00", 253, 3072, true},
};

static const struct {
    uint16_t code;
    const char *name;
} sigalgs[] = {
    {0x0101, "rsa_pkcs1_md5"},
    {0x0201, "rsa_pkcs1_sha1"},
    {0x0202, "dsa_sha1"},
    {0x0203, "ecdsa_sha1"},
    {0x0301, "rsa_pkcs1_sha224"},
    {0x0303, "ecdsa_sha224"},
    {0x0401, "rsa_pkcs1_sha256"},
    {0x0402, "dsa_sha256"},
    {0x0403, "ecdsa_secp256r1_sha256"},
    {0x0501, "rsa_pkcs1_sha384"},
    {0x0503, "ecdsa_secp384r1_sha384"},
    {0x0601, "rsa_pkcs1_sha512"},
    {0x0603, "ecdsa_secp521r1_sha512"},
    {0x0804, "rsa_pss_rsae_sha256"},
    {0x0805, "rsa_pss_rsae_sha384"},
    {0x0806, "rsa_pss_rsae_sha512"},
    {0x0807, "ed25519"},
    {0x0808, "ed448"},
    {0x0809, "rsa_pss_pss_sha256"},
    {0x080a, "rsa_pss_pss_sha384"},
    {0x080b, "rsa_pss_pss_sha512"},
    {0x081a, "ecdsa_brainpoolP256r1tls13_sha256"},
    {0x081b, "ecdsa_brainpoolP384r1tls13_sha384"},
    {0x081c, "ecdsa_brainpoolP512r1tls13_sha512"},
    {0x0904, "mldsa44"},
    {0x0905, "mldsa65"},
    {0x0906, "mldsa87"},
};

const struct suite *suite_find(uint16_t code)
{
    size_t low = 0, high = ARRAY_LEN(suites);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (suites[mid].code == code)
            return &suites[mid];
        if (suites[mid].code < code)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct suite *suite_all(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(suites);
    return suites;
}

bool suite_forward_secret(const struct suite *s)
{
    return s->tls13 || s->kx == SUITE_KX_DHE || s->kx == SUITE_KX_ECDHE;
}

bool suite_aead(const struct suite *s)
{
    return s->mode == SUITE_GCM || s->mode == SUITE_CCM || s->mode == SUITE_POLY1305;
}

const struct suite_group *suite_group_find(uint16_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (groups[i].code == code)
            return &groups[i];
    return NULL;
}

const struct suite_group *suite_groups(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(groups);
    return groups;
}

const char *suite_sigalg_name(uint16_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(sigalgs); i++)
        if (sigalgs[i].code == code)
            return sigalgs[i].name;
    return NULL;
}

uint16_t suite_sigalg_at(size_t i)
{
    return i < ARRAY_LEN(sigalgs) ? sigalgs[i].code : 0;
}

const char *suite_version_name(uint16_t version)
{
    switch (version) {
    case 0x0002:
        return "SSL 2.0";
    case 0x0300:
        return "SSL 3.0";
    case 0x0301:
        return "TLS 1.0";
    case 0x0302:
        return "TLS 1.1";
    case 0x0303:
        return "TLS 1.2";
    case 0x0304:
        return "TLS 1.3";
    default:
        return "unknown";
    }
}
