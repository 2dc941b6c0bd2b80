/* A runtime in C: reads the invocation, answers with its payload in brackets. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[1 << 16];

static char *ask(int connection, const char *request) {
    size_t have = 0;
    write(connection, request, strlen(request));
    for (;;) {
        ssize_t got = read(connection, buffer + have, sizeof buffer - 1 - have);
        if (got <= 0) exit(1);
        buffer[have += got] = 0;
        char *body = strstr(buffer, "\r\n\r\n"), *length = strstr(buffer, "Content-Length: ");
        if (body && have >= (size_t)(body + 4 - buffer) + atoi(length + 16)) return body + 4;
    }
}

int main(void) {
    char *api = strdup(getenv("AWS_LAMBDA_RUNTIME_API")), *port = strchr(api, ':');
    *port++ = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    inet_pton(AF_INET, api, &address.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address)) return 2;
    for (;;) {
        char *event = ask(connection, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n");
        char id[40] = {0}, answer[4096], *name = "Lambda-Runtime-Aws-Request-Id: ";
        memcpy(id, strstr(buffer, name) + strlen(name), 36);
        printf("C has %s\n", event);
        fflush(stdout);
        snprintf(answer, sizeof answer,
                 "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: a\r\n"
                 "Content-Length: %zu\r\n\r\n[%s]", id, strlen(event) + 2, event);
        ask(connection, answer);
    }
}
