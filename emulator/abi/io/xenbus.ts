/** How the two ends of a device find together: `xen/include/public/io/xenbus.h`. */

/** The `state` node of each end, as a decimal number. */
export const XenbusState = {
  Unknown: 0,
  Initialising: 1,
  InitWait: 2,
  Initialised: 3,
  Connected: 4,
  Closing: 5,
  Closed: 6,
  Reconfiguring: 7,
  Reconfigured: 8,
} as const;
