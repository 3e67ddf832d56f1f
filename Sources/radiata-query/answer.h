// The answer on its way to the coordinator: frames of a kind, a length and bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { FRAME_COLUMNS = 'C', FRAME_ROW = 'R', FRAME_ERROR = 'E', FRAME_DONE = 'D' };
enum { CELL_NULL = 0, CELL_INTEGER = 1, CELL_REAL = 2, CELL_TEXT = 3, CELL_BLOB = 4 };

// Begins a frame that has `length` bytes, which `answer_put` adds.
void answer_frame(uint8_t kind, uint32_t length);
void answer_put(const void *bytes, size_t count);
void answer_flush(void);
// Milliseconds that passed while nobody took the answer.
int64_t answer_waited(void);
// Ends the process by SIGALRM when the milliseconds are over, whatever it does then.
void end_in(int64_t milliseconds);
