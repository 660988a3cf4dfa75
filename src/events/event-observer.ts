/** What happens to events, to be counted. */
export interface EventObserver {
  eventsDelivered(sink: string, count: number): void;
  /** An attempt came to nothing. */
  deliveryFailed(sink: string): void;
  deadLetters(sink: string, count: number): void;
}
