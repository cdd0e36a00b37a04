/*
 * NVM records of the card: keys 0x10000..0x100FF, platform component (integrity has the next 256).
 *
 * PLATFORM (24 bytes)
 *   0 format (1)   1 profile   2..17 chip id   18..19 next component id   20 card life cycle
 *   21 failed authentications of a host since the last good one, 255: or more   22..23 zero
 * ISD_KEYS.. a key set each (49 bytes)
 *   0 key version   1..48 ENC, MAC, DEK, AES-CBC encrypted (zero IV: three different random keys or
 *   the public test keys) under a key derived from the chip-unique one
 * ISD_DATA the objects STORE DATA brought, BER-TLV one behind the other
 * REGISTRY_FIRST.. one record for each package and applet, see registry.c
 */
#ifndef MM_CARD_KEYS_H
#define MM_CARD_KEYS_H

#define MM_KEY_PLATFORM       0x10000
#define MM_KEY_ISD_KEYS       0x10001
#define MM_KEY_ISD_KEYS_LAST  0x10008
#define MM_KEY_ISD_DATA       0x1000f
#define MM_KEY_REGISTRY_FIRST 0x10010
#define MM_KEY_REGISTRY_LAST  0x100FF

#define MM_PLATFORM_FORMAT   1
#define MM_PLATFORM_LEN      24
#define MM_PLATFORM_PROFILE  1
#define MM_PLATFORM_CHIP_ID  2
#define MM_PLATFORM_NEXT     18
#define MM_PLATFORM_STATE    20
#define MM_PLATFORM_FAILURES 21
#define MM_ISD_KEYS_LEN      49

#endif
