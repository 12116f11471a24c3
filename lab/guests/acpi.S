# The well-behaved guest: ready, then idle until the ACPI power button is
# pressed, which it answers by powering off.
        .include "common.inc"

        prologue
        say_ready
        movw    $PM1A_STATUS, %dx
idle:   hlt
        inw     %dx, %ax
        testw   $BUTTON, %ax
        jz      idle
        power_off
        epilogue
