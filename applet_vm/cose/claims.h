/*
 * Numbers of the claims in the chip's token and in the agent's evidence, stated once for those who sign
 * and those who verify. Registered ones: RFC 9711, 10.2 and the CWT registry; private ones are below -65536 (RFC
 * 8392, 9.1). Meaning: docs/measurement.md,
 * docs/protocol.md.
 */
#ifndef MM_CLAIMS_H
#define MM_CLAIMS_H

enum mm_claim {
    MM_CLAIM_NONCE = 10,
    MM_CLAIM_UEID = 256,
    MM_CLAIM_PROFILE = 265,
    MM_CLAIM_SUBMODS = 266,
    MM_CLAIM_SWNAME = 270,
    MM_CLAIM_SWVERSION = 271,
    /* private */
    MM_CLAIM_VM_DIGEST = -70001,
    MM_CLAIM_VALID = -70002,
    MM_CLAIM_SEAL = -70003,
    MM_CLAIM_COUNTER = -70004,
    MM_CLAIM_GATE = -70005,
    MM_CLAIM_REFERENCES = -70006,
    MM_CLAIM_COMPONENTS = -70007,
    /* private, in evidence */
    MM_CLAIM_EXPORTER = -70010,
    MM_CLAIM_CLIENT = -70011,
    MM_CLAIM_VERDICT = -70012
};

/* The payment client inside MM_CLAIM_CLIENT. */
enum mm_client_key {
    MM_CLIENT_CODE = 1,
    MM_CLIENT_FIXED = 2,
    MM_CLIENT_DYNAMIC = 3,
    MM_CLIENT_NAME = 4
};

/* A component inside MM_CLAIM_COMPONENTS. */
enum mm_component_key {
    MM_COMPONENT_KIND = 1,
    MM_COMPONENT_AID = 2,
    MM_COMPONENT_PACKAGE = 3,
    MM_COMPONENT_VERSION = 4,
    MM_COMPONENT_LIFE_CYCLE = 5,
    MM_COMPONENT_DAMAGE = 6,
    MM_COMPONENT_CODE = 7,
    MM_COMPONENT_FIXED = 8,
    MM_COMPONENT_DYNAMIC = 9
};

#define MM_UEID_RAND        0x01 /* RFC 9711, 4.2.1 */
#define MM_PROFILE_CHIP     "tag:mintmark.invalid,2026:chip-1"
#define MM_PROFILE_TERMINAL "tag:mintmark.invalid,2026:terminal-1"

#endif
