import { type ComponentType, lazy, Suspense } from "react";
import { Link, Redirect, Route, Switch } from "wouter";
import { Shell } from "./shell/shell";
import { Loading } from "./ui/parts";

const Datasets = screen(() => import("./datasets/list"));
const DatasetScreen = screen(() => import("./datasets/screen"));
const NewAudit = screen(() => import("./audits/new"));
const Audits = screen(() => import("./audits/list"));
const AuditScreen = screen(() => import("./audits/screen"));
const Review = screen(() => import("./review/screen"));
const Model = screen(() => import("./model/screen"));
const MapScreen = screen(() => import("./map/screen"));
const Exports = screen(() => import("./exports/screen"));

/**
 * A screen that is fetched when it is gone to, behind a boundary of its own: behind a common one, the screen that was
 * left would live on, out of sight, until the next one is here.
 */
function screen<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>) {
  const Fetched = lazy(load);
  return (props: Props) => (
    <Suspense fallback={<Loading what="this screen" />}>
      <Fetched {...props} />
    </Suspense>
  );
}

/** Every address and its screen. What is shown of another thing is another screen: no open question goes over to it. */
export function App() {
  return (
    <Shell>
      <Switch>
        <Route path="/">
          <Redirect to="/datasets" replace />
        </Route>
        <Route path="/datasets">
          <Datasets />
        </Route>
        <Route path="/datasets/:id">{({ id }) => <DatasetScreen id={id} key={id} />}</Route>
        <Route path="/datasets/:id/audit">{({ id }) => <NewAudit datasetId={id} key={id} />}</Route>
        <Route path="/audits">
          <Audits />
        </Route>
        <Route path="/audits/:id">{({ id }) => <AuditScreen id={id} key={id} />}</Route>
        <Route path="/audits/:id/review">{({ id }) => <Review auditId={id} key={id} />}</Route>
        <Route path="/audits/:id/map">{({ id }) => <MapScreen auditId={id} key={id} />}</Route>
        <Route path="/audits/:id/model">{({ id }) => <Model auditId={id} key={id} />}</Route>
        <Route path="/audits/:id/exports">{({ id }) => <Exports auditId={id} key={id} />}</Route>
        <Route>
          <div className="screen">
            <h1>There is nothing at this address</h1>
            <p>
              <Link href="/datasets">Go to the datasets</Link>
            </p>
          </div>
        </Route>
      </Switch>
    </Shell>
  );
}
