/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificates without their keys, and facts of a server that does everything right, for tests that
 * break one thing at a time. */
#include "toyfacts.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *pem;
} certs[] = {
    {"rsa1024", "-----BEGIN CERTIFICATE-----\n"
                "MIICIzCCAYygAwIBAgIUaWlQ1tMxL19UZah2nlzFDxepbdwwDQYJKoZIhvcNAQEL\n"
                "BQAwFzEVMBMGA1UEAwwMcnNhMTAyNC50ZXN0MB4XDTI2MTEyMzE4NTQwM1oXDTI3\n"
                "MDIyMTE4NTQwM1owFzEVMBMGA1UEAwwMcnNhMTAyNC50ZXN0MIGfMA0GCSqGSIb3\n"
                "DQEBAQUAA4GNADCBiQKBgQDZDVrS69dvLlHWSxC+lWBABzAB79ePhP3i0J2OTBSW\n"
                "a8yvaO5pxQiHPxbQWeY6tXIzWUW7Jd9d9G/klrhk3/LSvjZ6Yym/rloZIQbqVwxe\n"
                "3TrXeYJOGcH4jMFcMqmoXCvI9a7cdJJQMBHe63uoyz++G0WQF8erJ1QdK5eYpSjd\n"
                "cQIDAQABo2wwajAdBgNVHQ4EFgQUydRfiYNi5u+/Nwy29JSx8y52Xv8wHwYDVR0j\n"
                "BBgwFoAUydRfiYNi5u+/Nwy29JSx8y52Xv8wDwYDVR0TAQH/BAUwAwEB/zAXBgNV\n"
                "HREEEDAOggxyc2ExMDI0LnRlc3QwDQYJKoZIhvcNAQELBQADgYEAyup4GoE+UgNv\n"
                "gVQ0RMebQJiLumJfWN/wdCjNYflWooDZMIdxR/IBDnQU1SiiRO+fgnguMSFGJN3A\n"
                "zkbIZ3bCrjjH1w4bes4tyOWstAtnavP9s3EVH0NC5ygFrMXL+M9ei73WGruqYOts\n"
                "B08UT4C5R+0ixv144jKiBj1h5TZQB4M=\n"
                "-----END CERTIFICATE-----\n"},
    {"rsa2048", "-----BEGIN CERTIFICATE-----\n"
                "MIIDKDCCAhCgAwIBAgIUGdRBqtKkkH1tZKnLfAR/IGUd4f0wDQYJKoZIhvcNAQEL\n"
                "BQAwFzEVMBMGA1UEAwwMcnNhMjA0OC50ZXN0MB4XDTI2MTEyMzE4NTQwM1oXDTI3\n"
                "MDIyMTE4NTQwM1owFzEVMBMGA1UEAwwMcnNhMjA0OC50ZXN0MIIBIjANBgkqhkiG\n"
                "9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnEFgoSXF2FNoPOaWDaihoCwwYnnsD4qp7+Mo\n"
                "k/znhKopLLfpJ6j/YqVk4hDQXOAcknF91CbaVMJ/+TtOO2XWLcJ/BFB1yD4hlJnH\n"
                "owvU8adayTWJcbRzn9p4LZqysNU/CL5DLCjxb5sfy2fFUwi0opfsFajW028Sh+Zt\n"
                "Uible+/uGao18FoM/Qu7yiHDeXr/gpLh4BzROXqJBUnsbovdhoOj7iKcrste+79m\n"
                "/uqiRksBpqiJJpjHJiQ/eS/asKx1NxuApg+yllkMuA27D3OSEdSZ3koJnFDrG06Y\n"
                "jnku/FIcvckKOSqJtGbYygH6850h/iFYKY4FMeQIGY17kQL3kQIDAQABo2wwajAd\n"
                "BgNVHQ4EFgQUtLs6GcckOgXcfSqgX+/EHdg1/lIwHwYDVR0jBBgwFoAUtLs6Gcck\n"
                "OgXcfSqgX+/EHdg1/lIwDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxyc2Ey\n"
                "MDQ4LnRlc3QwDQYJKoZIhvcNAQELBQADggEBADwJxTzcgA1AIWg+1n/8h4B0khhQ\n"
                "1sTykllqJLaRbQ5k++gs0iLMEb0LivXqW8p/TgWX1vlKd0kxa2IQDdPpzICsdpgS\n"
                "OnKc8KrYcbHfNQWJEUGbg+ZPQoejhInyu/5e2YlB49S0jebWVWpl40HRsFJfB52T\n"
                "IO7kABOpvWtrTx4Eue70Vzv+CweY95fF0HDOJSrmnW5FPj5TAuXu0uatlNr9G6QY\n"
                "ldHN8QT/WTC53oHoEmRoyziOL/FKUxT3DSGyl2eFcGEVR57ciZw3FwRG13LOAc0Z\n"
                "BDvLbScOyecb/hmApENIDljWD8fZOSfuIU3alCxz6oJg+GyT5HVppAMcuDI=\n"
                "-----END CERTIFICATE-----\n"},
    {"rsa4096", "-----BEGIN CERTIFICATE-----\n"
                "MIIFKDCCAxCgAwIBAgIUTEpmcmGopj5pqfsgFxHoNBdJY6owDQYJKoZIhvcNAQEL\n"
                "BQAwFzEVMBMGA1UEAwwMcnNhNDA5Ni50ZXN0MB4XDTI2MTEyMzE4NTQwNVoXDTI3\n"
                "MDIyMTE4NTQwNVowFzEVMBMGA1UEAwwMcnNhNDA5Ni50ZXN0MIICIjANBgkqhkiG\n"
                "9w0BAQEFAAOCAg8AMIICCgKCAgEAzDLfHwddt8RZ4O8kL/9vZlvbvHGiJtMheat4\n"
                "uCnGh0Zg90q48L7DsOaa7KSqTDMLqCZtn2uHIw8yPDZHgowIMEtNmiAMU3XKWXfa\n"
                "heeoRMNqddyxcNjvnjTwQz7etOlGIta7XoISYciFma6CrTCutBikqer7PQNGfWeM\n"
                "CwaiWkUdlV2oL1AMxIvhuGrhlBn3Esd5Y+wOGKqPUUNJYfUfTXAxnNCQ0d84skKb\n"
                "66AHrhIPr1Iw/9sOZY8US1gJNSG/zGFbDOyfMHCaI/7L45TcljhIM3DCqzdkqH/p\n"
                "6EiQzvYk4+FvE3BdcaCOtuSnOl9wC9qSQcCznONIbHPlZNOt0JiA2UuKDUvhUqqa\n"
                "NZ9J7hub2tTDFdyHxS5sZ/7zYf3JY0y5XjQ1ltKVwb8RsWHlOCY/ZDTl9aZTJq+i\n"
                "da6Yo/2zOtBWzudw04MpsUGzPSapfBGPTmvqg10yZGa+/yZGm5Iza4cH7IbuKRGi\n"
                "BCGit3z8H7AI9iBMqIEMbgGfyFxgJSm9A+AoNa7mvh8TT8x+rTnlejC5ihiIVRFO\n"
                "Te5AbbpUCxj9MFvwaXVwG0McjfGucG6UcCx4pOma+IRQuxEZ9ECXDoVNLlY74s8Q\n"
                "uzW8YkENbSQ0jbftIUoMD1OP8f47FWDbJrjkRBE9ua5iZvfQ560qMbSZTh6mpT28\n"
                "HGDSDyUCAwEAAaNsMGowHQYDVR0OBBYEFFKY4cv5Y4hGrwatjoWS0kztBpX3MB8G\n"
                "A1UdIwQYMBaAFFKY4cv5Y4hGrwatjoWS0kztBpX3MA8GA1UdEwEB/wQFMAMBAf8w\n"
                "FwYDVR0RBBAwDoIMcnNhNDA5Ni50ZXN0MA0GCSqGSIb3DQEBCwUAA4ICAQCOzE0I\n"
                "K585mvXzHn52fZW9MIhExVix2rMAAJ/07TWPRc7xYfHEFblLKjabo8s6VzZOGs1u\n"
                "ckY/ZK9VaUQOQcFA1pOS2K7N1mO0bhnJsr5aRUFR5Mh+gO6McAuFZFBjAVj9lLe9\n"
                "wjMxO9CBCG16uDRukkY6n8o+09ZhYWnVNRPMH/MC65Ke5jkRdx12XAlIn8GpKmbO\n"
                "/Bw2iQ0A3P/jX6zF/tH6qr9Gj5kONijjJeWPLi8hBfCl1lI1/+Qh0t3vFB5ZJBn4\n"
                "BU5EubWF4EeWj+l1vm9O3bkXS9XPTJFbrzeVDUPRldQjuOUn0UaP2nHgAsoyIqgt\n"
                "Z/N6wMk/Em8SkE/h/vxOuYfH70KnkB+0e4BDkkXc9rkz9rwzZG8TtB2Bd4rKXsCF\n"
                "PY4Q5e5vZKXY6q1GtwLSDANTxFh2Cp93xwyt0UiXWi+wJ5YyuySBCbi3Ylu10Ny2\n"
                "xX0vpacpQhN+BDDi/1epGbSvL9quMRAejWspijXLRo9luMgAqCTqeBQ8tAabiKsG\n"
                "dYCnF4sro5IeqfaDDz/8sZU8putJTJq6ow/WXj91ZRU7NF7V3YF2TJxmhW0puoCW\n"
                "vfalZxAVGm9vBmU97ERH39DYsMrQc5NHahRsoQpNpOd6yU/yatQAN3q7WRAV88BY\n"
                "IFoqQDp0FarUvJgMWrmK1tttN8jEwD8RUxraxw==\n"
                "-----END CERTIFICATE-----\n"},
    {"p256", "-----BEGIN CERTIFICATE-----\n"
             "MIIBkzCCATmgAwIBAgIUZOPPo4fD4WgP9+VxDG/7mqIRfeYwCgYIKoZIzj0EAwIw\n"
             "FDESMBAGA1UEAwwJcDI1Ni50ZXN0MB4XDTI2MTEyMzE4NTQwNVoXDTI3MDIyMTE4\n"
             "NTQwNVowFDESMBAGA1UEAwwJcDI1Ni50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D\n"
             "AQcDQgAE8qzOTqfilgrjAi070INESTRDT9Stu6Q0c8cAljEg8S1tmJtniU+STv8U\n"
             "NdGhLxykVxCVnuxRPVDiRPy0GbFqRKNpMGcwHQYDVR0OBBYEFH3X5vDewQJb/t+a\n"
             "rXzBXx0QomPnMB8GA1UdIwQYMBaAFH3X5vDewQJb/t+arXzBXx0QomPnMA8GA1Ud\n"
             "EwEB/wQFMAMBAf8wFAYDVR0RBA0wC4IJcDI1Ni50ZXN0MAoGCCqGSM49BAMCA0gA\n"
             "MEUCIFJzK47J9YY/AaGPdLcu84lQnChLspRcxBBepxIYgaB+AiEAonIVkHxdieX7\n"
             "yO0mmCipal9M0X+hvel3Ouy7vhae2U8=\n"
             "-----END CERTIFICATE-----\n"},
    {"p384", "-----BEGIN CERTIFICATE-----\n"
             "MIIBzzCCAVagAwIBAgIUbjUQiMabGfTy5ifaft/G/+ZL+howCgYIKoZIzj0EAwIw\n"
             "FDESMBAGA1UEAwwJcDM4NC50ZXN0MB4XDTI2MTEyMzE4NTQwNVoXDTI3MDIyMTE4\n"
             "NTQwNVowFDESMBAGA1UEAwwJcDM4NC50ZXN0MHYwEAYHKoZIzj0CAQYFK4EEACID\n"
             "YgAEcDIw94utHgrgm7BY4zyEAcIO4PCL5fsCpiaz5Z3cvz7QiU0OeQ20cPcbf9pc\n"
             "Xd9KG6XSQOYpB9KOKzQPvn7yW2WZYKFTV4+aa8VcB3vMLg0zYAkz/fMB5MYw9e6T\n"
             "ULQJo2kwZzAdBgNVHQ4EFgQUzwQgbPN3StA3/j4csdtO+SnWkKwwHwYDVR0jBBgw\n"
             "FoAUzwQgbPN3StA3/j4csdtO+SnWkKwwDwYDVR0TAQH/BAUwAwEB/zAUBgNVHREE\n"
             "DTALgglwMzg0LnRlc3QwCgYIKoZIzj0EAwIDZwAwZAIwCzkCH9/nlOx9yswKkRqO\n"
             "viA44VUhFwSjR75erKTlA8KPACU4gqF6BbBRBSU0V95tAjBEWpzNvQQAD8hZwKMy\n"
             "M5kA2H3JBMITH/o5b37bm32lM2xl5SXmVXjjmtcnLQ1hUCg=\n"
             "-----END CERTIFICATE-----\n"},
    {"p256long", "-----BEGIN CERTIFICATE-----\n"
                 "MIIBoDCCAUWgAwIBAgIURpkbHKHgxqC8MpR5V3tjYbw5t7gwCgYIKoZIzj0EAwIw\n"
                 "GDEWMBQGA1UEAwwNcDI1NmxvbmcudGVzdDAeFw0yNjExMjMxODU0MDVaFw0yNzEy\n"
                 "MjgxODU0MDVaMBgxFjAUBgNVBAMMDXAyNTZsb25nLnRlc3QwWTATBgcqhkjOPQIB\n"
                 "BggqhkjOPQMBBwNCAATZsfCs6i30K0kL7gWG5gwzpRZbQSTekRSZjFq2mbRUPvYa\n"
                 "ouZZTgBmed1FWOheUHV2Fv8TGnj57Isua5YtTUToo20wazAdBgNVHQ4EFgQUCQT/\n"
                 "FwuqKL+QU3nA8tBB2SEzYd8wHwYDVR0jBBgwFoAUCQT/FwuqKL+QU3nA8tBB2SEz\n"
                 "Yd8wDwYDVR0TAQH/BAUwAwEB/zAYBgNVHREEETAPgg1wMjU2bG9uZy50ZXN0MAoG\n"
                 "CCqGSM49BAMCA0kAMEYCIQCD/7/eBmaW9qbXoh1WjZVqzEE1+awHuPs1FzIRNk0m\n"
                 "wwIhAIsu06m7sSl44yIXl29DVCv6d0Kt5IHxZLI23HRP29X4\n"
                 "-----END CERTIFICATE-----\n"},
    {"rsasha1", "-----BEGIN CERTIFICATE-----\n"
                "MIIDKDCCAhCgAwIBAgIUazanU6nHlrRfCEtrLUVAxrVUlNkwDQYJKoZIhvcNAQEF\n"
                "BQAwFzEVMBMGA1UEAwwMcnNhc2hhMS50ZXN0MB4XDTI2MTEyMzE4NTQwNVoXDTI3\n"
                "MDIyMTE4NTQwNVowFzEVMBMGA1UEAwwMcnNhc2hhMS50ZXN0MIIBIjANBgkqhkiG\n"
                "9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq5SAHO8A5dMXa537qO7ivlMvYZqeDPTgy7Tz\n"
                "DjR5+Ek34vdaHJDF8KXUyzsdT57wCHgRsVcxNz9Yva3b0HB3C3V1+RDYMtYetz66\n"
                "nYNwX0cJEvHk6ddfRO4hS4QjD5jw9DxPojn13BrcTOp06+qcpaYkPWmjAP1PDZwv\n"
                "o6uPtcEnKHGywNlcGKrA4BkCtXcbSBSXqw8yO9nOSEwwudW4No7EbACfM4LByqIw\n"
                "jZGGsPTONt0SInrIEtFR5OY2CBVJocMxGtpUjjT42rL/Jqby9c03i9Ex/wCHRImA\n"
                "XqFd8ZJLeUv0LGqWxFv7HiOGzagWX0nNLaVniifw57b9rpv9fQIDAQABo2wwajAd\n"
                "BgNVHQ4EFgQUt0hMHwqYMP6VqTIe8gdaXQRketswHwYDVR0jBBgwFoAUt0hMHwqY\n"
                "MP6VqTIe8gdaXQRketswDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxyc2Fz\n"
                "aGExLnRlc3QwDQYJKoZIhvcNAQEFBQADggEBAIMNPbm8H0pWed3W1T2KuRfZF1KI\n"
                "FRcZoC7X6nrmORw48SjTwwmTOmOWtpXD/zD/ygMl2sdfyuckvPW/zJnVsIvtyPBT\n"
                "760G3Cp9yB0sAyKc1IeFxD+jmt0NmUzIe4M/ZrAD2AVABREpX7fy+5/GJ/UA4m/i\n"
                "ckJzDUAqNAjYZ7YI5MgS4lwU4bwvLiS4xabknVBfAMVVxDGvQc59hHfyUdCGyGpP\n"
                "HjVv/iWtRghHmzKnmScMqANECQI4/V1fwKnR0An7JgUiNm5yDDKANRu+oiNSE66+\n"
                "59tw/ef27+tsT8hwmyFiwuSMHKgTmRQjHg5Lu8SwLWzCYkAqLbiugvy8q2A=\n"
                "-----END CERTIFICATE-----\n"},
};

static struct certinfo_chain *parse(const char *name)
{
    struct certinfo_chain *chain = NULL;
    for (size_t i = 0; i < ARRAY_LEN(certs); i++)
        if (strcmp(certs[i].name, name) == 0 &&
            certinfo_parse(slice_cstr(certs[i].pem), &chain, NULL))
            return NULL;
    return chain;
}

static const uint16_t good12[] = {0xc02b, 0xc02f, 0xc02c, 0xc030},
                      good13[] = {0x1301, 0x1302, 0x1303};
static const uint16_t good_groups[] = {0x11ec, 0x001d, 0x0017};
static const uint16_t good_sigalgs[] = {0x0403, 0x0804};

struct facts *toyfacts_new(const char *cert)
{
    const struct facts_target target = {
        .text = SLICE("site.test"), .host = SLICE("site.test"), .port = 443, .path = SLICE("/")};
    struct certinfo_chain *chain = parse(cert);
    struct facts *f = chain ? facts_new(&target, certinfo_at(chain, 0)->not_before_s + 3600) : NULL;
    if (!f) {
        certinfo_unref(chain);
        return NULL;
    }
    struct facts_tls *t = &f->tls;
    for (size_t i = 0; i < FACTS_STEPS; i++)
        f->steps[i].ran = f->steps[i].ok = true;
    for (size_t i = 0; i < FACTS_VERSIONS; i++)
        t->version[i] = i >= FACTS_TLS12 ? FACTS_YES : FACTS_NO;
    for (size_t i = 0; i < FACTS_VULNS; i++)
        t->vuln[i] = FACTS_NO;
    t->suites[FACTS_TLS12] = (struct facts_suites){good12, ARRAY_LEN(good12)};
    t->suites[FACTS_TLS13] = (struct facts_suites){good13, ARRAY_LEN(good13)};
    t->server_order[FACTS_TLS12] = t->server_order[FACTS_TLS13] = FACTS_YES;
    t->groups = good_groups;
    t->ngroups = ARRAY_LEN(good_groups);
    t->sigalgs = good_sigalgs;
    t->nsigalgs = ARRAY_LEN(good_sigalgs);
    t->ems = t->secure_renegotiation = t->resumption = t->h2 = t->grease_ok = t->large_hello_ok =
        FACTS_YES;
    t->compression = t->early_data = FACTS_NO;
    t->complete = true;
    f->chains[f->nchains++] = (struct facts_chain){
        .chain = chain, .trusted = true, .name_match = true, .in_order = true, .complete = true};
    f->http.ran = true;
    f->http.hsts = (struct facts_hsts){.present = true, .valid = true, .max_age_s = 63072000};
    return f;
}
