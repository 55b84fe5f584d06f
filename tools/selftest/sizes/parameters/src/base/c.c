static int on_header(nghttp2_session *session, const void *frame, int *name, int *value, int flags,
                     void *user, int a)
{
    return 0;
}
