/// Queries to try on a ledger, shown by the demo and in the report.
extension PublicQueries {
    /// - Returns: titles and SQL.
    package static func examples(sweep: String) -> [SweepReport.Query] {
        [
            SweepReport.Query(
                title: "The five checkpoints nearest to the training pictures, each image to its own",
                sql: """
                    SELECT json_extract(j.parameters,'$.algorithm') algorithm, json_extract(j.parameters,'$.lr') lr, r.epoch, \
                    round(r.value,4) fidelity FROM results r JOIN jobs j ON j.id=r.job WHERE r.sweep='\(sweep)' AND r.class='' \
                    AND r.prompts='train' AND r.metric='paired_fidelity' ORDER BY r.value DESC LIMIT 5
                    """),
            SweepReport.Query(
                title: "Fidelity against drift from the base, by algorithm",
                sql: """
                    SELECT json_extract(j.parameters,'$.algorithm') algorithm, round(avg(CASE WHEN r.metric='paired_fidelity' \
                    AND r.prompts='train' THEN r.value END),3) fidelity, round(avg(CASE WHEN r.metric='style_distance' THEN \
                    r.value END),5) drift FROM results r JOIN jobs j ON j.id=r.job WHERE r.class='' GROUP BY 1
                    """),
            SweepReport.Query(
                title: "Loss curves, every 25 steps",
                sql: """
                    SELECT substr(job,1,8) job, step, round(value,4) loss FROM metrics WHERE key='loss' AND step%25=0 \
                    ORDER BY job, step LIMIT 20
                    """),
        ]
    }
}
