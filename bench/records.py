"""Job postings as a board exports them, of about a kilobyte once they are records.

A posting follows from its number alone. Its description is of sentences with slots, and begins with a name that no
other of a million has, so the index's vocabulary grows with the documents as that of real texts does. One in four is
Korean.
"""

import json
import random

ROLES = (
    "Backend Engineer", "Frontend Developer", "Data Engineer", "Site Reliability Engineer", "Mobile Developer",
    "Machine Learning Engineer", "Platform Engineer", "Security Engineer", "QA Engineer", "Database Administrator",
)
COMPANIES = (
    "Blue Heron Ltd", "Saltmarsh Systems", "Quiet Harbour Inc.", "Fernhill & Sons", "Onda Labs", "Tin Roof Software",
    "Meadowlark", "North Pier Data", "Kettle Works", "Long Acre Analytics", "Paper Boat", "Second Lighthouse",
)
PLACES = ("Seoul", "Berlin, Germany", "Remote", "Porto, Portugal", "Busan", "Leeds, UK", "Austin, TX", "Osaka, Japan")
EMPLOYMENT = ("Full-time", "Contract", "Part-time", "Internship")
TOOLS = (
    "Rust", "Go", "Python", "Java", "Kotlin", "TypeScript", "React", "PostgreSQL", "Elasticsearch", "Apache Kafka",
    "Kubernetes", "Docker", "Terraform", "Redis", "Grafana", "Prometheus", "GraphQL", "PyTorch", "Spark", "Airflow",
)
THINGS = (
    "invoices", "parcels", "tickets", "rooms", "harvests", "timetables", "tariffs", "medicines", "warehouses",
    "recipes", "turbines", "exams", "queues", "maps", "forecasts", "auctions", "subtitles", "leases", "meters",
)
SENTENCES = (
    "You build the services of {project}, which take in {count} {thing} a day and answer within a second.",
    "Most of our backend is written in {tool}, and some older parts in {other} are waiting for someone who cares.",
    "You write down what you decide about {thing} and why, so that the next person need not ask.",
    "The team is {few} people who have worked together for years and like to explain how {project} came to be.",
    "You have run {tool} in production, or something like it, and know where it hurts.",
    "We deploy {few} times a day and roll back without a meeting; {other} describes everything that we own.",
    "Experience with {tool} or {other} helps, patience with {thing} helps more.",
    "You read other people's code with care, and review it with kindness.",
    "Part of the work is to take apart a monolith that has kept {count} {thing} for {few} years.",
    "We measure {project} before we tune it, and keep the measurements beside the code.",
    "There is no rota in your first half year, and afterwards it is one week in {few}.",
    "A degree is welcome and not needed: show us something about {thing} that you are proud of.",
)
KOREAN = (
    "{project} 서비스에서 하루 {count}건의 데이터를 처리하는 백엔드를 설계하고 운영합니다.",
    "{tool}와 {other}를 사용한 개발 경험이 {few}년 이상 있는 분을 찾습니다.",
    "문제를 스스로 정의하고 동료와 함께 해결하며 그 과정을 문서로 남기는 분이면 좋겠습니다.",
    "대용량 트래픽 환경에서 {tool} 클러스터를 안정적으로 운영해 본 경험을 우대합니다.",
    "코드 리뷰와 자동화된 테스트를 중요하게 생각하는 {few}명의 팀과 함께 일합니다.",
    "{other} 기반의 데이터 파이프라인을 개선하고 분석가가 믿을 수 있는 지표를 제공합니다.",
)
SYLLABLES = ("ka", "ri", "mo", "se", "lun", "dor", "vi", "tas", "ne", "bru", "ol", "fen", "gi", "shu", "pal", "wex")
# Bytes of a description, so that the whole document has about a kilobyte.
DESCRIPTION = 220


def write(path, count):
    """Writes so many postings, a line each."""
    with path.open("w", encoding="utf-8") as lines:
        for number in range(count):
            json.dump(posting(number), lines, ensure_ascii=False)
            lines.write("\n")


def posting(number):
    draw = random.Random(number)
    month, day = draw.randrange(1, 13), draw.randrange(1, 29)
    return {
        "id": number,
        "url": f"https://board.example/jobs/{number}",
        "title": f"{draw.choice(ROLES)} ({draw.choice(TOOLS)})",
        "company": draw.choice(COMPANIES),
        "location": draw.choice(PLACES),
        "employment": draw.choice(EMPLOYMENT),
        "experience": f"{draw.randrange(1, 12)}+ years",
        "posted": f"2026-{month:02}-{day:02}T09:00:00Z",
        "closes": f"2027-{month:02}-{day:02}T09:00:00Z",
        "description": description(draw, project(number), KOREAN if number % 4 == 3 else SENTENCES),
    }


def project(number):
    """A name for each number below 16⁵: the factor is odd, so no two come to the same."""
    scattered = number * 0x9E375 % 16**5
    return "".join(SYLLABLES[scattered >> shift & 15] for shift in range(0, 20, 4)).capitalize()


def description(draw, project, sentences):
    text = f"{project}: "
    for sentence in draw.sample(sentences, k=len(sentences)):
        tool, other = draw.sample(TOOLS, k=2)
        text += sentence.format(
            project=project,
            tool=tool,
            other=other,
            thing=draw.choice(THINGS),
            count=draw.randrange(1000, 100000),
            few=draw.randrange(3, 13),
        )
        if len(text.encode()) > DESCRIPTION:
            break
        text += " "
    return text.strip()
