/* SPDX-License-Identifier: MIT */

/*
 * The result as one page: the table, what the rules say, and each routine's drawings. Nothing is
 * loaded from elsewhere; it prints, follows the reader's dark mode, and is well-formed XML too.
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "audit_tool.h"

static const char *const rule_texts[MEMBUS_RULES] = {
    [MEMBUS_RULE_W1] = "Every byte of the destination is stored exactly once, and no other byte.",
    [MEMBUS_RULE_W2] = "1, 2, 4 and 8 bytes are one load and one store of that width.",
    [MEMBUS_RULE_W3] = "Every aligned 2, 4 or 8 bytes inside the range are written by one store, "
                       "however the source is aligned.",
    [MEMBUS_RULE_W4] = "Store addresses strictly ascend.",
    [MEMBUS_RULE_W5] = "The last element is stored last, by a store that covers nothing before "
                       "the aligned 8 bytes it is in: who polls it sees all that came before.",
    [MEMBUS_RULE_W6] = "Another CPU sees that order too: no unfenced non-temporal or string store.",
    [MEMBUS_RULE_W7] = "No non-temporal, string or cache-zeroing store.",
    [MEMBUS_RULE_L1] = "No byte outside the source is loaded.",
    [MEMBUS_RULE_L2] = "From a device every byte is loaded exactly once, ascending.",
    [MEMBUS_RULE_L3] = "With source and destination mutually aligned, elements are loaded whole.",
    [MEMBUS_RULE_O1] = "A move up within one buffer (src &lt; dst &lt; src + n) keeps W1 to W6.",
    [MEMBUS_RULE_RESULT] = "The destination holds the source's bytes, nothing else changed, and "
                           "dst is returned.",
    [MEMBUS_RULE_RUNS] = "It returns: no crash, no endless loop, no system call.",
};

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c2330;--dim:#667085;--line:#d9dee7;"
    "--panel:#f6f8fb;--store:#2f7fb8;--edge:#1d5c8a;--down:#e8850c;--twice:#d92d20;--out:#000;"
    "--tear:#8e2fd0;--good:#127a43;--goodbg:#e4f5ec;--bad:#b42318;--badbg:#fdeae8;"
    "--range:#e9eef6;--word:#cdd6e4;--cacheline:#8c9ab0}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#12161d;--fg:#e4e8ef;--dim:#93a0b4;"
    "--line:#2d3644;--panel:#1a202a;--store:#4ea3dc;--edge:#9fd0f3;--down:#f59e2e;"
    "--twice:#ff5a4d;--out:#fff;--tear:#d08bff;--good:#5ad394;--goodbg:#14301f;--bad:#ff8f85;"
    "--badbg:#3a1a17;--range:#202936;--word:#364256;--cacheline:#6d7c94}}\n"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:1280px;padding:28px 24px 60px;background:var(--bg);"
    "color:var(--fg);font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}\n"
    "h1{font-size:26px;margin:0}h2{font-size:19px;margin:44px 0 6px;padding-top:14px;"
    "border-top:1px solid var(--line)}.sub{color:var(--dim);margin:2px 0 0}\n"
    ".lead{font-size:17px;margin:18px 0}code{font-family:ui-monospace,'DejaVu Sans Mono',monospace;"
    "font-size:.92em}a{color:inherit}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:12.5px;"
    "font-variant-numeric:tabular-nums}thead a{text-decoration:none}"
    "th,td{border-bottom:1px solid var(--line);"
    "padding:4px 8px;text-align:right;white-space:nowrap}th:first-child{text-align:left;"
    "font-weight:600}thead th{vertical-align:bottom;font-weight:600}thead small{display:block;"
    "color:var(--dim);font-weight:400}td.ok{color:var(--good)}td.no{color:var(--bad);"
    "background:var(--badbg)}td.no b{font-weight:650}td.no small{opacity:.8;margin-left:5px}"
    "td.na{color:var(--dim)}tr.calls td,tr.calls th{color:var(--dim);border:0;font-weight:400}\n"
    "dl.rules{display:grid;grid-template-columns:max-content 1fr;gap:3px 14px;font-size:13.5px}"
    "dl.rules dt{font-weight:600}dl.rules dd{margin:0}\n"
    ".findings{list-style:none;margin:10px 0 16px;padding:0;font-size:13.5px}"
    ".findings li{margin:4px 0;padding:5px 10px;background:var(--panel);"
    "border-left:3px solid var(--bad)}.findings .all{border-color:var(--good)}"
    ".findings span{color:var(--dim)}.findings code{display:block}\n"
    ".draw{display:flex;flex-wrap:wrap;gap:14px 16px;align-items:flex-start}"
    "figure{margin:0;padding:8px 6px 8px;background:var(--panel);border:1px solid var(--line);"
    "border-radius:6px;break-inside:avoid}figcaption{font-size:12px;margin:4px 4px 0;"
    "min-width:120px}svg{display:block}\n"
    ".bad,.good,.none{display:inline-block;border-radius:4px;padding:0 5px;font-size:11.5px;"
    "font-weight:600}.bad{color:var(--bad);background:var(--badbg);cursor:help}.good{"
    "color:var(--good);background:var(--goodbg)}.none{color:var(--dim)}\n"
    ".g{fill:var(--range)}.l{stroke:var(--cacheline);stroke-width:1.2}.w8{stroke:var(--word);"
    "stroke-width:.8}text{font:10px ui-monospace,'DejaVu Sans Mono',monospace;fill:var(--dim)}"
    ".r{text-anchor:end}.who{display:block;font-family:ui-monospace,'DejaVu Sans Mono',monospace;"
    "font-size:12.5px}.glance{display:grid;grid-template-columns:repeat(auto-fit,minmax(205px,"
    "1fr));gap:12px;align-items:start;margin:6px 0 18px}.glance svg{max-width:100%;height:auto}"
    ".draw+.draw{margin-top:14px}.last{fill:var(--fg);font-size:9px}\n"
    ".s{fill:var(--store);stroke:var(--edge);stroke-width:.6}.d{fill:var(--down);"
    "stroke:var(--down)}.x{fill:var(--twice)}.o{fill:var(--out)}.i{fill:var(--panel);opacity:.85}"
    ".t{stroke:var(--tear);stroke-width:2.6}.k{stroke:var(--edge);stroke-width:1.2;"
    "stroke-dasharray:2 2}.m{fill:none;stroke:var(--twice);stroke-dasharray:3 2}"
    ".hs{fill:url(#hs)}.hn{fill:url(#hn)}.hz{fill:url(#hz)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:13px;margin:12px 0}"
    ".legend span{display:inline-flex;align-items:center;gap:6px}\n"
    "footer{margin-top:44px;color:var(--dim);font-size:13px}";

static const char style_print[] =
    "@media print{:root{color-scheme:light;--bg:#fff;--fg:#1c2330;--dim:#555;--line:#ccc;"
    "--panel:#fff;--store:#2f7fb8;--edge:#1d5c8a;--down:#e8850c;--twice:#d92d20;--out:#000;"
    "--tear:#8e2fd0;--good:#127a43;--goodbg:#fff;--bad:#b42318;--badbg:#fff;--range:#eef2f8;"
    "--word:#cdd6e4;--cacheline:#8c9ab0}*{print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}body{max-width:none;padding:0;font-size:11px}"
    "@page{size:A4 landscape;margin:11mm}.scroll{overflow:visible}table{font-size:9.5px}"
    "th,td{padding:2px 5px}p.sub{break-after:avoid}svg{zoom:.8}h2{margin-top:24px}"
    ".glance{grid-template-columns:repeat(5,1fr)}"
    "h2{break-after:avoid}}\n";

static const char patterns[] =
    "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\n"
    "<pattern id=\"hs\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
    "patternTransform=\"rotate(45)\"><path d=\"M0 0v5\" stroke=\"#fff\" stroke-width=\"3\"/>"
    "</pattern>\n"
    "<pattern id=\"hn\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
    "<circle cx=\"2\" cy=\"2\" r=\"1.2\" fill=\"#fff\"/></pattern>\n"
    "<pattern id=\"hz\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
    "<path d=\"M0 2h4M2 0v4\" stroke=\"#fff\"/></pattern>\n"
    "</defs></svg>\n";

/* One entry of the legend: a small drawing and what it means. */
static const struct {
    const char *svg, *text;
} legend[] = {
    {"<rect class=\"s\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>", "scalar store"},
    {"<rect class=\"s\" x=\"1\" y=\"2\" width=\"28\" height=\"10\" rx=\"5\"/>", "vector store"},
    {"<path class=\"k\" d=\"M0 7H34\"/>"
     "<rect class=\"s\" x=\"9\" y=\"2\" width=\"18\" height=\"10\" rx=\"5\"/>",
     "masked (dashes: its whole operand)"},
    {"<rect class=\"s\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>"
     "<rect class=\"hs\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>",
     "string instruction"},
    {"<rect class=\"s\" x=\"1\" y=\"2\" width=\"28\" height=\"10\" rx=\"5\"/>"
     "<rect class=\"hn\" x=\"1\" y=\"2\" width=\"28\" height=\"10\" rx=\"5\"/>",
     "non-temporal"},
    {"<rect class=\"s\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>"
     "<rect class=\"x\" x=\"1\" y=\"2\" width=\"12\" height=\"10\"/>",
     "bytes stored again"},
    {"<rect class=\"s d\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>", "does not ascend"},
    {"<rect class=\"s\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>"
     "<path class=\"t\" d=\"M29 0v14\"/>",
     "tears an aligned element"},
    {"<rect class=\"o\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>", "outside the range"},
    {"<rect class=\"m\" x=\"1\" y=\"2\" width=\"28\" height=\"10\"/>", "never stored"},
    {"<rect class=\"s\" x=\"1\" y=\"2\" width=\"18\" height=\"10\"/>"
     "<text class=\"last\" x=\"21\" y=\"10\">&#9664;</text>",
     "the last store"},
    {"<path class=\"w8\" d=\"M8 0v14\"/><path class=\"l\" d=\"M24 0v14\"/>",
     "8-byte word, 64-byte line"},
};

void audit_escape(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else if ((unsigned char)*text >= ' ')
            fputc(*text, out);
    }
}

static bool counts(const struct audit *audit, int rule)
{
    return audit->rules >> rule & 1;
}

static void put_head(const struct audit *audit, FILE *out)
{
    time_t t = time(NULL);
    struct tm day;
    char date[32] = "";

    if (localtime_r(&t, &day))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &day);
    fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
          "<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width\"/>\n"
          "<title>membus audit</title>\n<style>\n",
          out);
    fputs(style, out);
    fputs(style_print, out);
    fputs("</style>\n</head>\n<body>\n", out);
    fputs(patterns, out);
    fputs("<h1>membus audit</h1>\n<p class=\"sub\">What copy routines really store, and when. ",
          out);
    audit_escape(out, audit->host.cpu);
    fputs(" &#183; ", out);
    audit_escape(out, audit->host.kernel);
    fprintf(out, " &#183; engine %s &#183; %s cases &#183; membus %s &#183; %s%s</p>\n",
            audit->engine->name, audit->set, MEMBUS_VERSION, date,
            *audit->stop ? " &#183; <b>interrupted</b>" : "");
}

static void put_lead(const struct audit *audit, FILE *out)
{
    size_t kept = 0, calls = 0;

    for (size_t i = 0; i < audit->routines; i++) {
        kept += !audit_routine_broken(audit, &audit->routine[i]) &&
                audit_judged(audit, &audit->routine[i]);
        calls += audit->routine[i].calls - audit->routine[i].not_recorded;
    }
    fprintf(out,
            "<p class=\"lead\">Every rule is kept by <b>%zu of %zu</b> routines, over <b>%zu</b> "
            "recorded calls.</p>\n",
            kept, audit->routines, calls);
}

static void put_cell(const struct audit_finding *f, FILE *out)
{
    double share = f->cases ? 100.0 * (double)f->violations / (double)f->cases : 0;

    if (f->cases == 0)
        fputs("<td class=\"na\">&#8211;</td>", out);
    else if (f->violations == 0)
        fprintf(out, "<td class=\"ok\" title=\"0 of %zu cases\">&#10003;</td>", f->cases);
    else
        fprintf(out,
                "<td class=\"no\" title=\"%zu of %zu cases\"><b>%zu</b><small>%.*f %%</small></td>",
                f->violations, f->cases, f->violations, share < 10 ? 1 : 0, share);
}

static void put_row(const struct audit *audit, int rule, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < audit->routines; i++)
        any = any || audit->routine[i].rule[rule].cases;
    if (!any || !counts(audit, rule))
        return;
    fprintf(out, "<tr><th title=\"%s\">%s %s</th>", rule_texts[rule],
            membus_audit_rule_id((enum membus_audit_rule)rule),
            rule < MEMBUS_RULE_RESULT ? membus_audit_rule_title((enum membus_audit_rule)rule) : "");
    for (size_t i = 0; i < audit->routines; i++)
        put_cell(&audit->routine[i].rule[rule], out);
    fputs("</tr>\n", out);
}

static void put_table(const struct audit *audit, FILE *out)
{
    fputs("<div class=\"scroll\"><table>\n<thead><tr><th></th>", out);
    for (size_t i = 0; i < audit->routines; i++) {
        const struct audit_routine *r = &audit->routine[i];
        char object[64];

        snprintf(object, sizeof(object), "%.*s", (int)strcspn(r->name, ".:"), r->name);
        fprintf(out, "<th><a href=\"#r%zu\"><small>", i);
        audit_escape(out, object);
        fputs("</small>", out);
        audit_escape(out, r->target.symbol);
        fputs("<small>", out);
        audit_escape(out, r->target.kernel ? r->target.kernel : " ");
        fputs("</small></a></th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int rule = 0; rule < MEMBUS_RULES; rule++)
        put_row(audit, rule, out);
    fputs("<tr class=\"calls\"><th>calls recorded</th>", out);
    for (size_t i = 0; i < audit->routines; i++)
        fprintf(out, "<td>%zu</td>", audit->routine[i].calls - audit->routine[i].not_recorded);
    fputs("</tr>\n</tbody></table></div>\n", out);
}

static void put_rules(const struct audit *audit, FILE *out)
{
    fputs(
        "<h2>The rules</h2>\n<p class=\"sub\">For memory that someone else is watching: a guest, a "
        "device, another CPU. An element is a naturally aligned 1, 2, 4 or 8 bytes.</p>\n"
        "<dl class=\"rules\">\n",
        out);
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        if (counts(audit, rule) && (rule != MEMBUS_RULE_L2 || audit->host.judged.device_source))
            fprintf(out, "<dt>%s</dt><dd>%s</dd>\n",
                    membus_audit_rule_id((enum membus_audit_rule)rule), rule_texts[rule]);
    }
    fputs("</dl>\n", out);
}

static void put_legend(FILE *out)
{
    fputs(
        "<h2>How to read the drawings</h2>\n<p class=\"sub\">Each is one call. The address grows "
        "to the right, time runs downwards: one bar a store. An ordered copy is a staircase going "
        "down to the right. Point at a bar for its numbers.</p>\n<div class=\"legend\">\n",
        out);
    for (size_t i = 0; i < sizeof(legend) / sizeof(legend[0]); i++)
        fprintf(out, "<span><svg width=\"34\" height=\"14\">%s</svg>%s</span>\n", legend[i].svg,
                legend[i].text);
    fputs("</div>\n", out);
}

/* The same call by every routine: first those without overlaps, then those with. */
static void put_glance(const struct audit *audit, bool overlap, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < audit->routines; i++) {
        const struct audit_routine *r = &audit->routine[i];

        if (r->overlap != overlap || !r->glance || !*r->glance)
            continue;
        if (!any)
            fprintf(out, "<p class=\"sub\">%s</p>\n<div class=\"glance\">\n",
                    overlap ? "300 bytes moved up by 9 within one buffer"
                            : "100 bytes, nothing aligned");
        any = true;
        fputs(r->glance, out);
    }
    if (any)
        fputs("</div>\n", out);
}

static void put_findings(const struct audit *audit, const struct audit_routine *r, FILE *out)
{
    fputs("<ul class=\"findings\">\n", out);
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        const struct audit_finding *f = &r->rule[rule];

        if (!counts(audit, rule) || f->violations == 0)
            continue;
        fprintf(out, "<li><b>%s %s</b> <span>in %zu of %zu cases, the first:</span> <code>",
                membus_audit_rule_id((enum membus_audit_rule)rule),
                membus_audit_rule_title((enum membus_audit_rule)rule), f->violations, f->cases);
        audit_escape(out, f->why);
        fputs("</code></li>\n", out);
    }
    if (r->not_recorded) {
        fprintf(out, "<li>%zu calls could not be recorded, the first: <code>", r->not_recorded);
        audit_escape(out, r->not_recorded_why);
        fputs("</code></li>\n", out);
    }
    if (!audit_routine_broken(audit, r) && r->calls > r->not_recorded)
        fprintf(out, "<li class=\"all\">Every rule kept in %zu calls.</li>\n",
                r->calls - r->not_recorded);
    fputs("</ul>\n", out);
}

static void put_routine(const struct audit *audit, size_t i, FILE *out)
{
    const struct audit_routine *r = &audit->routine[i];

    fprintf(out, "<h2 id=\"r%zu\"><code>", i);
    audit_escape(out, r->name);
    fputs("</code></h2>\n", out);
    put_findings(audit, r, out);
    fprintf(out, "<div class=\"draw\">\n%s</div>\n", r->drawings ? r->drawings : "");
}

int audit_html(const struct audit *audit, FILE *out)
{
    put_head(audit, out);
    put_lead(audit, out);
    put_table(audit, out);
    put_legend(out);
    fputs("<h2>The same call, side by side</h2>\n", out);
    put_glance(audit, false, out);
    put_glance(audit, true, out);
    put_rules(audit, out);
    for (size_t i = 0; i < audit->routines; i++)
        put_routine(audit, i, out);
    fputs(
        "<footer>Made by <code>membus audit --html</code>. Instruction traces show what a routine "
        "asks of the CPU in program order; they say nothing of store buffers.</footer>\n"
        "</body>\n</html>\n",
        out);
    return ferror(out) ? -EIO : 0;
}
