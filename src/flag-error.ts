/** A flag has a value that makes no sense; the message is for the user, who is shown how commands are called. */
export class FlagError extends Error {}
