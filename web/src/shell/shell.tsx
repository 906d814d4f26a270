import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { onSignedOut } from "../api/client";
import { useRemembered } from "../ui/stored";
import { Net } from "./net";
import { reviewerOf } from "./reviewer";
import { Saved } from "./saved";
import { SignIn } from "./sign-in";

const THEMES = ["auto", "light", "dark"] as const;

/** What stands around every screen: where one can go, who one is, whether all is saved. */
export function Shell({ children }: { children: ReactNode }) {
  const [signedOut, setSignedOut] = useState(false);
  const [place] = useLocation();
  const main = useRef<HTMLElement>(null);
  const seen = useRef(place);
  useEffect(() => onSignedOut(() => setSignedOut(true)), []);
  // Whoever cannot see the screen change is taken to the new one.
  useEffect(() => {
    if (seen.current !== place) main.current?.focus({ preventScroll: true });
    seen.current = place;
  }, [place]);
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="shell">
        <Link href="/datasets" className="brand">
          <img src="/favicon.svg" alt="" width="22" height="22" /> labelaudit
        </Link>
        <nav aria-label="Main">
          <Place to="/datasets" at={place}>
            Datasets
          </Place>
          <Place to="/audits" at={place}>
            Audits
          </Place>
        </nav>
        <div className="shell-end">
          <Saved />
          <Reviewer />
          <Theme />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {signedOut ? <SignIn onDone={() => window.location.reload()} /> : <Net place={place}>{children}</Net>}
      </main>
    </>
  );
}

function Place({ to, at, children }: { to: string; at: string; children: ReactNode }) {
  const here = at === to || at.startsWith(`${to}/`);
  return (
    <Link href={to} aria-current={here ? "page" : undefined}>
      {children}
    </Link>
  );
}

function Reviewer() {
  const [name, setName] = useRemembered("reviewer", "local");
  return (
    <label className="reviewer">
      <span>Reviewer</span>
      <input
        key={name}
        defaultValue={name}
        maxLength={64}
        autoComplete="off"
        spellCheck={false}
        onBlur={(event) => setName(reviewerOf(event.target.value))}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      />
    </label>
  );
}

function Theme() {
  const [theme, setTheme] = useRemembered("theme", "auto");
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  return (
    <label className="theme">
      <span className="unseen">Colours</span>
      <select value={theme} onChange={(event) => setTheme(event.target.value)}>
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
