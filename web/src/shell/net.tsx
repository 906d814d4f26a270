import { Component, type ReactNode } from "react";
import { outbox } from "../review/outbox";
import { Button, Failed } from "../ui/parts";

/** A net under every screen: what breaks one leaves the others, and what waits to be sent, as they are. */
export class Net extends Component<{ place: string; children: ReactNode }, { error: unknown; place: string }> {
  override state = { error: null as unknown, place: this.props.place };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static getDerivedStateFromProps(props: { place: string }, state: { place: string }) {
    return props.place === state.place ? null : { error: null, place: props.place };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div className="screen">
        <h1>This screen could not be shown</h1>
        <Failed error={this.state.error} />
        <p>
          {outbox.state().lasts ? "Your decisions are kept." : "Loading it again loses what is not sent yet."}{" "}
          <Button onClick={() => window.location.reload()}>Load it again</Button>
        </p>
      </div>
    );
  }
}
