# The guest that ignores the power button: only pulling the plug helps.
        .include "common.inc"

        prologue
        say_ready
idle:   hlt
        jmp     idle
        epilogue
