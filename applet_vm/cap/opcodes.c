#include "applet_vm/cap/cap.h"

#include <ctype.h>
#include <pthread.h>

#define MNEMONIC_MAX 24 /* "if_scmpne_w" and the like; the longest has 15 letters */

static const struct {
    const char *name; /* as in the list: upper case */
    uint8_t operands, pops, pushes;
    bool needs_int;
} list[256] = {
#define MM_OP(name, code, operands, pops, pushes, needs_int)                                       \
    [code] = {#name, MM_OPERANDS_##operands, (pops), (pushes), (needs_int)},
#include "applet_vm/cap/opcodes.def"
#undef MM_OP
};

static const uint8_t operand_bytes[] = {
#define X(name, len) [MM_OPERANDS_##name] = (len),
    MM_OPERANDS(X)
#undef X
};

/* Made once from the list: the preprocessor cannot turn a name into lower case. */
static struct mm_op_info infos[256];
static char mnemonics[256][MNEMONIC_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_infos(void)
{
    for (size_t c = 0; c < 256; c++) {
        if (list[c].name == NULL)
            continue;
        for (size_t i = 0; i < MNEMONIC_MAX - 1 && list[c].name[i] != '\0'; i++)
            mnemonics[c][i] = (char)tolower((unsigned char)list[c].name[i]);
        infos[c] = (struct mm_op_info){.name = mnemonics[c],
                                       .operands = list[c].operands,
                                       .operand_bytes = operand_bytes[list[c].operands],
                                       .pops = list[c].pops,
                                       .pushes = list[c].pushes,
                                       .needs_int = list[c].needs_int};
    }
}

const struct mm_op_info *mm_op_info(uint8_t code)
{
    (void)pthread_once(&once, make_infos); /* fails only for a bad control block */
    return &infos[code];
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

size_t mm_op_len(const uint8_t *code, size_t code_len, size_t off)
{
    size_t n, left;

    if (off >= code_len || list[code[off]].name == NULL)
        return 0;
    left = code_len - off - 1;
    n = operand_bytes[list[code[off]].operands];
    if (n == 0xFF) {
        n = switch_len(list[code[off]].operands, code + off + 1, left);
        if (n == 0)
            return 0;
    }
    return n <= left ? n + 1 : 0;
}

/* ---- Branches ---- */

size_t mm_op_branch_n(const uint8_t *p)
{
    switch (mm_op_info(p[0])->operands) {
    case MM_OPERANDS_BRANCH8:
    case MM_OPERANDS_BRANCH16:
        return 1;
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

bool mm_op_ends(uint8_t op)
{
    return op == MM_OP_GOTO || op == MM_OP_GOTO_W || op == MM_OP_ATHROW || op == MM_OP_RET ||
           (op >= MM_OP_STABLESWITCH && op <= MM_OP_RETURN);
}
