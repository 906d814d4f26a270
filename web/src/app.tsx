import { lazy, Suspense } from "react";
import { Link, Redirect, Route, Switch } from "wouter";
import { Shell } from "./shell/shell";
import { Loading } from "./ui/parts";

const Datasets = lazy(() => import("./datasets/list"));
const DatasetScreen = lazy(() => import("./datasets/screen"));
const NewAudit = lazy(() => import("./audits/new"));
const Audits = lazy(() => import("./audits/list"));
const AuditScreen = lazy(() => import("./audits/screen"));
const Review = lazy(() => import("./review/screen"));
const Model = lazy(() => import("./model/screen"));
const MapScreen = lazy(() => import("./map/screen"));
const Exports = lazy(() => import("./exports/screen"));

export function App() {
  return (
    <Shell>
      <Suspense fallback={<Loading what="this screen" />}>
        <Switch>
          <Route path="/">
            <Redirect to="/datasets" replace />
          </Route>
          <Route path="/datasets">
            <Datasets />
          </Route>
          <Route path="/datasets/:id">{({ id }) => <DatasetScreen id={id} />}</Route>
          <Route path="/datasets/:id/audit">{({ id }) => <NewAudit datasetId={id} />}</Route>
          <Route path="/audits">
            <Audits />
          </Route>
          <Route path="/audits/:id">{({ id }) => <AuditScreen id={id} />}</Route>
          <Route path="/audits/:id/review">{({ id }) => <Review auditId={id} key={id} />}</Route>
          <Route path="/audits/:id/map">{({ id }) => <MapScreen auditId={id} />}</Route>
          <Route path="/audits/:id/model">{({ id }) => <Model auditId={id} />}</Route>
          <Route path="/audits/:id/exports">{({ id }) => <Exports auditId={id} />}</Route>
          <Route>
            <div className="screen">
              <h1>There is nothing at this address</h1>
              <p>
                <Link href="/datasets">Go to the datasets</Link>
              </p>
            </div>
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}
