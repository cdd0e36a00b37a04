/* Inside of the links: the framing that vpcd and TCP share. */
#ifndef MM_LINK_INT_H
#define MM_LINK_INT_H

#include "applet_vm/link/link.h"

#define MM_FRAME_MAX 65535 /* a 16-bit length */

/* One peer's stream: bytes come in any pieces, whole messages are taken out. */
struct mm_frames {
    uint8_t in[2 + MM_FRAME_MAX];
    size_t in_len;
    uint8_t out[2 + MM_RESPONSE_MAX];
};

enum mm_frame_event {
    MM_FRAME_GOING_ON, /* everything that was whole is served */
    MM_FRAME_CLOSED,   /* the peer left, or broke the connection */
    MM_FRAME_STOPPED   /* the stop pipe became readable while an answer was being written */
};

/* Read what is there (the socket is readable), serve each whole message, answer each in one write.
 * on: power state as the peer sees it, kept over peers. keep_on: power-on is no reset when on. */
enum mm_frame_event mm_frames_serve(struct mm_frames *f, int fd, int stop_fd,
                                    const struct mm_link_card *card, bool *on, bool keep_on);
/* TCP_NODELAY and TCP_QUICKACK; silent where the socket is none of TCP (socketpair in tests). */
void mm_frames_tune(int fd);

#endif
