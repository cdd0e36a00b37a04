/*
 * Keys of the card's NVM records, 0x10000..0x100FF, platform component (integrity has the next 256);
 * the key sets of all domains behind those. records.def says what is in them.
 *
 * GLOBAL_PIN see cvm.c
 * ISD_DATA the objects STORE DATA brought, BER-TLV one behind the other
 * UPGRADE the session of an ELF upgrade, see upgrade_record.c
 * REGISTRY_FIRST.. one record for each package and applet, see registry.c
 * DOMAIN_DATA the same as ISD_DATA of a supplementary domain, of its component
 * CONTACTLESS information of an application for a contactless interface, of its component;
 *   CONTACTLESS_CARD what the card has of it; see contactless.c
 * SETS_FIRST.. one record for each key set, of its domain's component, see key_store.h
 */
#ifndef MM_CARD_KEYS_H
#define MM_CARD_KEYS_H

#define MM_KEY_PLATFORM       0x10000
#define MM_KEY_UPGRADE        0x1000b
#define MM_KEY_CONTACTLESS_CARD 0x1000c
#define MM_KEY_HISTORICAL     0x1000d
#define MM_KEY_GLOBAL_PIN     0x1000e
#define MM_KEY_ISD_DATA       0x1000f
#define MM_KEY_DOMAIN_DATA(comp) (0x02000000u + (comp))
#define MM_KEY_CONTACTLESS(comp) (0x03000000u + (comp))
#define MM_KEY_REGISTRY_FIRST 0x10010
#define MM_KEY_REGISTRY_LAST  0x100FF
#define MM_KEY_SETS_FIRST     0x10200
#define MM_KEY_SETS_LAST      0x102FF

#define MM_PLATFORM_FORMAT   3
#define MM_PLATFORM_LEN      26
#define MM_PLATFORM_PROFILE  1
#define MM_PLATFORM_CHIP_ID  2
#define MM_PLATFORM_NEXT     18
#define MM_PLATFORM_STATE    20
#define MM_PLATFORM_SCP02_I  22
#define MM_PLATFORM_SCP03_I  23
#define MM_PLATFORM_CONFIRMATIONS 24

#endif
