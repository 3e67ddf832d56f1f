/// Queries to try on a ledger, shown by the demo and in the report.
extension PublicQueries {
    /// - Returns: titles and SQL.
    package static func examples(sweep: String) -> [SweepReport.Query] {
        [
            SweepReport.Query(
                title: "The five checkpoints nearest to the concept",
                sql: """
                    SELECT json_extract(j.parameters,'$.algorithm') algorithm, json_extract(j.parameters,'$.lr') lr, r.epoch, \
                    round(r.value,4) distance FROM results r JOIN jobs j ON j.id=r.job WHERE r.sweep='\(sweep)' AND r.class='' \
                    AND r.prompts='trigger' AND r.metric='squared_centroid_distance' ORDER BY r.value LIMIT 5
                    """),
            SweepReport.Query(
                title: "Likeness against drift from the base, by algorithm",
                sql: """
                    SELECT json_extract(j.parameters,'$.algorithm') algorithm, round(avg(CASE WHEN r.metric='image_similarity' \
                    AND r.prompts='trigger' THEN r.value END),3) likeness, round(avg(CASE WHEN r.metric='style_distance' THEN \
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
