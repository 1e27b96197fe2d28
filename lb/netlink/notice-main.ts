import { NetlinkSocket } from './netlink-socket.ts';
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK } from './rtnetlink.ts';

// The process that listens to rtnetlink for `Notices`: says `change` to its parent, once for all that comes at once.

const NETLINK_ROUTE = 0;
let isTold = false;

const socket = new NetlinkSocket(NETLINK_ROUTE, {
  groups: [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  onNotice: () => {
    if (isTold) return;
    isTold = true;
    setImmediate(() => {
      isTold = false;
      process.send?.('change');
    });
  },
  // Where the kernel had to drop some, a new socket starts from what is.
  onLost: () => process.exit(1),
});
process.on('disconnect', () => {
  socket.close();
  process.exit(0);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
process.send?.('ready');
