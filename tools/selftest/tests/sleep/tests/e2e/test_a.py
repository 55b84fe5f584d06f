import time
time.sleep(1)
time.sleep(0.1)  # a peer that sends one byte at a time
