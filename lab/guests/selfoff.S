# The guest that ends by itself: ready, and three seconds later powered off.
        .include "common.inc"

        prologue
        say_ready
        pause_ticks 55
        power_off
        epilogue
