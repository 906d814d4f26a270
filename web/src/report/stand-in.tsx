import Report from "./screen";
export default function StandIn({ id }: { id: string }) {
  return <Report auditId={id} />;
}
