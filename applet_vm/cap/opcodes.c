#include "applet_vm/cap/cap.h"

#include <ctype.h>

#define MNEMONIC_MAX 24 /* "if_scmpne_w" and the like; the longest has 15 letters */

/* The list has names in upper case, and the preprocessor cannot turn them into mnemonics: these are
 * written before main begins, and never again. */
static char mnemonics[256][MNEMONIC_MAX];

enum {
#define X(name, len) BYTES_##name = (len),
    MM_OPERANDS(X)
#undef X
};

#define BRANCHES(operands)                                                                         \
    ((operands) == MM_OPERANDS_BRANCH8 || (operands) == MM_OPERANDS_BRANCH16 ||                    \
     (operands) >= MM_OPERANDS_STABLESWITCH)
#define ENDS(code)                                                                                 \
    ((code) == MM_OP_GOTO || (code) == MM_OP_GOTO_W || (code) == MM_OP_ATHROW ||                   \
     (code) == MM_OP_RET || ((code) >= MM_OP_STABLESWITCH && (code) <= MM_OP_RETURN))

const struct mm_op_info mm_op_infos[256] = {
#define MM_OP(name_, code, operands_, pops_, pushes_, needs_int_)                                  \
    [code] = {.name = mnemonics[code],                                                             \
              .operands = MM_OPERANDS_##operands_,                                                 \
              .operand_bytes = BYTES_##operands_,                                                  \
              .pops = (pops_),                                                                     \
              .pushes = (pushes_),                                                                 \
              .needs_int = (needs_int_),                                                           \
              .branches = BRANCHES(MM_OPERANDS_##operands_),                                       \
              .ends = ENDS(code)},
#include "applet_vm/cap/opcodes.def"
#undef MM_OP
};

__attribute__((constructor)) static void make_mnemonics(void)
{
    static const char *const names[256] = {
#define MM_OP(name, code, operands, pops, pushes, needs_int) [code] = #name,
#include "applet_vm/cap/opcodes.def"
#undef MM_OP
    };

    for (size_t c = 0; c < 256; c++) {
        for (size_t i = 0; names[c] != NULL && i < MNEMONIC_MAX - 1 && names[c][i] != '\0'; i++)
            mnemonics[c][i] = (char)tolower((unsigned char)names[c][i]);
    }
}

/* Bytes after the opcode of a switch at p, of which left are there; 0 when cut off or absurd. */
static size_t switch_len(uint8_t operands, const uint8_t *p, size_t left)
{
    size_t key =
        operands == MM_OPERANDS_ITABLESWITCH || operands == MM_OPERANDS_ILOOKUPSWITCH ? 4 : 2;
    bool table = operands == MM_OPERANDS_STABLESWITCH || operands == MM_OPERANDS_ITABLESWITCH;
    int64_t low, high;

    if (left < 4)
        return 0;
    if (!table)
        return 4 + (size_t)mm_be16(p + 2) * (key + 2);
    if (left < 2 + 2 * key)
        return 0;
    low = key == 4 ? (int32_t)mm_be32(p + 2) : (int16_t)mm_be16(p + 2);
    high = key == 4 ? (int32_t)mm_be32(p + 6) : (int16_t)mm_be16(p + 4);
    if (high < low || high - low > 0x7FFF)
        return 0;
    return 2 + 2 * key + 2 * (size_t)(high - low + 1);
}

size_t mm_op_switch_len(const uint8_t *code, size_t code_len, size_t off)
{
    size_t left = code_len - off - 1;
    size_t n = switch_len(mm_op_info(code[off])->operands, code + off + 1, left);

    return n != 0 && n <= left ? n + 1 : 0;
}

/* ---- Branches ---- */

size_t mm_op_switch_branch_n(const uint8_t *p)
{
    switch (mm_op_info(p[0])->operands) {
    case MM_OPERANDS_STABLESWITCH:
        return 2 + (size_t)((int16_t)mm_be16(p + 5) - (int16_t)mm_be16(p + 3));
    case MM_OPERANDS_ITABLESWITCH:
        return 2 + (size_t)((int64_t)(int32_t)mm_be32(p + 7) - (int32_t)mm_be32(p + 3));
    case MM_OPERANDS_SLOOKUPSWITCH:
    case MM_OPERANDS_ILOOKUPSWITCH:
        return 1 + (size_t)mm_be16(p + 3);
    default:
        return 0;
    }
}

int mm_op_branch(const uint8_t *p, size_t i)
{
    uint8_t operands = mm_op_info(p[0])->operands;
    size_t at = 1;

    if (operands == MM_OPERANDS_BRANCH8)
        return (int8_t)p[1];
    if (i != 0) {
        switch (operands) {
        case MM_OPERANDS_STABLESWITCH:
            at = 7 + 2 * (i - 1);
            break;
        case MM_OPERANDS_ITABLESWITCH:
            at = 11 + 2 * (i - 1);
            break;
        case MM_OPERANDS_SLOOKUPSWITCH:
            at = 5 + 4 * (i - 1) + 2;
            break;
        default:
            at = 5 + 6 * (i - 1) + 4;
            break;
        }
    }
    return (int16_t)mm_be16(p + at);
}
