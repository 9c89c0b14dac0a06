/* A program that does nothing: what the kernel and the loader ask for any program at all. */
int main(void) { return 0; }
