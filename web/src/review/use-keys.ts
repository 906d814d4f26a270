import { type RefObject, useEffect } from "react";
import type { Suspect } from "../api/queries";
import type { Open } from "./bar";
import { offered } from "./classes";
import type { GridShape } from "./grid";
import { type Command, commandOf, isTaken, moved } from "./keys";
import type { Actions } from "./use-deciding";
import type { Position } from "./use-position";

const MANY = "To decide on the whole list use Decide many: it tells how many decisions would be wrong.";

/** Hears keys wherever the focus is, but where somebody types or something stands above the list. */
export function useKeys(
  listening: boolean,
  length: number,
  shape: RefObject<GridShape>,
  shown: Suspect | undefined,
  all: readonly string[] | null,
  position: Position,
  actions: Actions,
  tell: (note: string) => void,
  open: (what: Open) => void,
) {
  useEffect(() => {
    const obey = (command: Command) => {
      switch (command.do) {
        case "move":
          position.goTo(
            moved(position.focus, command.by, shape.current.columns, shape.current.rows, length),
            command.range,
          );
          break;
        case "class": {
          const label = shown && offered(shown, all)[command.place]?.label;
          if (label !== undefined) actions.relabel(label);
          break;
        }
        case "select":
          position.toggle();
          break;
        case "all":
          tell(MANY);
          break;
        case "clear":
          position.clear();
          break;
        case "help":
          open("help");
          break;
        default:
          actions[command.do]();
      }
    };
    const press = (event: KeyboardEvent) => {
      if (!listening || isTaken(event.target, event.key)) return;
      const command = commandOf(event);
      if (command === null) return;
      event.preventDefault();
      if (event.repeat && command.do !== "move") return; // a held key would decide on what nobody looked at
      obey(command);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [actions, all, length, listening, open, position, shape, shown, tell]);
}
