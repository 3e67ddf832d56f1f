#define _GNU_SOURCE
#include "Order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ProcessTree.h"

int order_read(struct order *order, char *message, ssize_t length) {
    memcpy(&order->id, message + 1, 4);
    memcpy(&order->stop_signal, message + 5, 4);
    memcpy(&order->grace, message + 9, 4);
    char **text = order->texts;
    int count = 0;
    for (char *place = message + 13; place < message + length && count < MOST_TEXTS; place += strlen(place) + 1)
        text[count++] = place;
    if (count < 6) return EINVAL;
    int argument_count = atoi(text[5]);
    if (argument_count < 1 || argument_count > count - 6) return EINVAL;
    order->path = text[0];
    order->folder = text[1];
    order->log = text[2];
    order->output = text[3];
    order->record = text[4];
    // The environment moves up by one place to make room for the NULL that ends the arguments.
    order->arguments = text + 6;
    order->environment = order->arguments + argument_count + 1;
    for (int index = count - 1; index >= 6 + argument_count; index--) text[index + 1] = text[index];
    text[count + 1] = NULL;
    order->arguments[argument_count] = NULL;
    return 0;
}

char *order_mark(const struct order *order, pid_t guard) {
    char *mark = NULL;
    return asprintf(&mark, "%s" TREE_MARK_END "%d.%u;", order->record, (int)guard, order->id) < 0 ? NULL : mark;
}

void order_add(struct order *order, char *variable) {
    char **end = order->environment;
    while (*end) end++;
    end[0] = variable;
    end[1] = NULL;
}
